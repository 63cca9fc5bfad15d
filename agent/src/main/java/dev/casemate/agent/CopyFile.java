package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.CopyFileRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * {@code CopyFile}: writes files of the host below {@link GuestContract#FILES}, which is the
 * guest's own and small. Containers may have parts of that mounted, so no symbolic link is
 * followed. A file that comes in one piece keeps its inode, so that containers see the new content;
 * one that comes in several takes its place once it is whole.
 */
final class CopyFile {
  private static final String PART_SUFFIX = ".casemate-part";
  private static final int RESOLVE = OpenFlag.RESOLVE_BENEATH | OpenFlag.RESOLVE_NO_SYMLINKS;

  private CopyFile() {}

  static void handle(CopyFileRequest request) {
    write(GuestContract.FILES, request);
  }

  /** Removes what was written for a container. */
  static void remove(String containerId) {
    FileTree.removeTree(GuestContract.FILES + "/" + containerId);
  }

  static void write(String files, CopyFileRequest request) {
    List<String> parts = components(files, request.path());
    if (request.offset() < 0
        || request.fileSize() < 0
        || request.offset() > request.fileSize() - request.data().length
            && (request.fileMode() & Stat.TYPE_MASK) != Stat.SYMLINK) {
      throw Failures.invalid(
          "file "
              + request.path()
              + " has "
              + request.fileSize()
              + " bytes, but "
              + request.data().length
              + " at offset "
              + request.offset()
              + " were sent");
    }
    FileTree.makeDirectories(files, 0755);
    Fd directory = Fs.open(files, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
    try {
      for (String parent : parts.subList(0, parts.size() - 1)) {
        Fd child = enter(directory, parent, request);
        directory.close();
        directory = child;
      }
      switch (request.fileMode() & Stat.TYPE_MASK) {
        case Stat.DIRECTORY -> directory(directory, parts.getLast(), request);
        case Stat.SYMLINK -> symlink(directory, parts.getLast(), request);
        case Stat.REGULAR, 0 -> regular(directory, parts.getLast(), request);
        default ->
            throw Failures.invalid(
                "file " + request.path() + " is not a file, directory or symbolic link");
      }
    } finally {
      directory.close();
    }
  }

  /** The components of a path below {@code files}. */
  static List<String> components(String files, String path) {
    if (path.startsWith(files + "/")) {
      List<String> parts = Text.split(path.substring(files.length() + 1), '/');
      if (!parts.isEmpty() && !parts.contains("..") && !parts.contains(".")) {
        return parts;
      }
    }
    throw Failures.invalid("path \"" + path + "\" is not below " + files);
  }

  private static Fd enter(Fd directory, String name, CopyFileRequest request) {
    int flags = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW;
    try {
      return Fs.openResolved(directory, name, flags, 0, RESOLVE);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
    int mode = request.dirMode() & 07777;
    Fs.makeDirectoryAt(directory, name, mode == 0 ? 0755 : mode);
    return Fs.openResolved(directory, name, flags, 0, RESOLVE);
  }

  private static void directory(Fd parent, String name, CopyFileRequest request) {
    try (Fd fd = enter(parent, name, request)) {
      Fs.chown(fd, request.uid(), request.gid());
      Fs.chmod(fd, request.fileMode() & 07777);
    }
  }

  private static void symlink(Fd directory, String name, CopyFileRequest request) {
    String part = name + PART_SUFFIX;
    unlinkIfExists(directory, part);
    Links.symlinkAt(new String(request.data(), StandardCharsets.UTF_8), directory, part);
    Fs.chownAt(directory, part, request.uid(), request.gid());
    rename(directory, part, name);
  }

  private static void regular(Fd directory, String name, CopyFileRequest request) {
    if (request.data().length == request.fileSize() && rewrite(directory, name, request)) {
      return;
    }
    String part = name + PART_SUFFIX;
    if (request.offset() == 0) {
      unlinkIfExists(directory, part);
    }
    int flags = OpenFlag.WRITE_ONLY | OpenFlag.NO_FOLLOW;
    if (request.offset() == 0) {
      flags |= OpenFlag.CREATE | OpenFlag.EXCLUSIVE;
    }
    try (Fd fd = Fs.openResolved(directory, part, flags, 0600, RESOLVE)) {
      FileContent.seek(fd, request.offset(), 0);
      fd.writeAll(request.data());
      if (request.offset() + request.data().length < request.fileSize()) {
        return;
      }
      FileContent.truncate(fd, request.fileSize());
      Fs.chown(fd, request.uid(), request.gid());
      Fs.chmod(fd, request.fileMode() & 07777);
    }
    rename(directory, part, name);
  }

  /** Whether there was a file whose content is the new one now. */
  private static boolean rewrite(Fd directory, String name, CopyFileRequest request) {
    Optional<Fd> there;
    try {
      there = Fs.openRegularAt(directory, name);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
      return false;
    }
    if (there.isEmpty()) {
      return false;
    }
    try (Fd regular = there.get();
        Fd fd = Fs.open(regular.procPath(), OpenFlag.WRITE_ONLY)) {
      fd.writeAll(request.data());
      FileContent.truncate(fd, request.fileSize());
      Fs.chown(fd, request.uid(), request.gid());
      Fs.chmod(fd, request.fileMode() & 07777);
    }
    return true;
  }

  private static void unlinkIfExists(Fd directory, String name) {
    try {
      Fs.unlinkAt(directory, name);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  private static void rename(Fd directory, String from, String to) {
    Fs.rename(directory.procPath() + "/" + from, directory.procPath() + "/" + to);
  }
}
