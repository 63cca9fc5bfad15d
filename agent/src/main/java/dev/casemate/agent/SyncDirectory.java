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
import dev.casemate.protocol.casemate.SyncDirectoryRequest;
import dev.casemate.protocol.casemate.SyncEntry;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code SyncDirectory}: secrets, config maps and the like, which must follow the host's and tell
 * watchers so. Works in kubelet's order: new directories and files, then symbolic links, {@code
 * ..data} last and by a rename, then what is no longer there goes away. A file that has not changed
 * is not touched.
 *
 * <p>Containers have the directory mounted, perhaps writable: no symbolic link is followed.
 */
final class SyncDirectory {
  static final int ENTRIES_LIMIT = 4096;
  private static final int DEPTH_LIMIT = 16;
  private static final int MODE_MASK = 07777;
  private static final String PART = "..casemate-part";
  private static final String SWITCH = "..data";
  private static final int RESOLVE = OpenFlag.RESOLVE_BENEATH | OpenFlag.RESOLVE_NO_SYMLINKS;
  private static final int DIRECTORY = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY;

  private SyncDirectory() {}

  static void handle(SyncDirectoryRequest request) {
    apply(GuestContract.VOLUMES, request);
  }

  static void apply(String volumes, SyncDirectoryRequest request) {
    List<String> parts = CopyFile.components(volumes, request.path());
    if (parts.size() != 1) {
      throw Failures.invalid("path \"" + request.path() + "\" is not directly below " + volumes);
    }
    FileTree.makeDirectories(volumes, 0755);
    try (Fd parent = Fs.open(volumes, DIRECTORY | OpenFlag.NO_FOLLOW)) {
      if (request.remove()) {
        if (Fs.list(parent).contains(parts.getFirst())) {
          FileTree.removeTreeAt(parent, parts.getFirst());
        }
        return;
      }
      check(request);
      makeDirectory(parent, parts.getFirst());
      try (Fd root = open(parent, parts.getFirst())) {
        own(root, request.uid(), request.gid(), request.mode());
        fill(root, request.entries());
      }
    }
  }

  private static void check(SyncDirectoryRequest request) {
    if (request.entries().size() > ENTRIES_LIMIT) {
      throw Failures.invalid(
          "directory "
              + request.path()
              + " has "
              + request.entries().size()
              + " entries; at most "
              + ENTRIES_LIMIT
              + " are allowed");
    }
    Set<String> names = new HashSet<>();
    for (SyncEntry entry : request.entries()) {
      List<String> parts = Text.split(entry.name(), '/');
      if (parts.isEmpty()
          || parts.size() > DEPTH_LIMIT
          || parts.contains("..")
          || parts.contains(".")
          || parts.contains(PART)
          || entry.name().startsWith("/")
          || !names.add(String.join("/", parts))) {
        throw Failures.invalid(
            "entry \"" + Console.printable(entry.name()) + "\" cannot be in " + request.path());
      }
    }
  }

  private static void fill(Fd root, List<SyncEntry> entries) {
    Map<String, SyncEntry> wanted = new HashMap<>();
    for (SyncEntry entry : entries) {
      wanted.put(entry.name(), entry);
      switch (entry.mode() & Stat.TYPE_MASK) {
        case Stat.DIRECTORY -> {
          try (Fd parent = parent(root, entry.name())) {
            makeDirectory(parent, name(entry.name()));
            try (Fd directory = open(parent, name(entry.name()))) {
              own(directory, entry.uid(), entry.gid(), entry.mode());
            }
          }
        }
        case Stat.REGULAR -> {
          try (Fd parent = parent(root, entry.name())) {
            file(parent, name(entry.name()), entry);
          }
        }
        case Stat.SYMLINK -> {
          // Later: what they lead to must be there first.
        }
        default ->
            throw Failures.invalid(
                "entry "
                    + Console.printable(entry.name())
                    + " is not a file, directory or symbolic link");
      }
    }
    for (boolean last : new boolean[] {false, true}) {
      for (SyncEntry entry : entries) {
        boolean isLink = (entry.mode() & Stat.TYPE_MASK) == Stat.SYMLINK;
        if (isLink && entry.name().equals(SWITCH) == last) {
          try (Fd parent = parent(root, entry.name())) {
            link(parent, name(entry.name()), entry);
          }
        }
      }
    }
    removeOthers(root, "", wanted);
  }

  private static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static Fd parent(Fd root, String path) {
    int slash = path.lastIndexOf('/');
    return slash < 0
        ? Fs.openResolved(root, ".", DIRECTORY, 0, RESOLVE)
        : Fs.openResolved(root, path.substring(0, slash), DIRECTORY, 0, RESOLVE);
  }

  private static Fd open(Fd parent, String name) {
    return Fs.openResolved(parent, name, DIRECTORY | OpenFlag.NO_FOLLOW, 0, RESOLVE);
  }

  private static void makeDirectory(Fd parent, String name) {
    try {
      Fs.makeDirectoryAt(parent, name, 0755);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
      if (!Fs.lstatAt(parent, name).isDirectory()) {
        FileTree.removeTreeAt(parent, name);
        Fs.makeDirectoryAt(parent, name, 0755);
      }
    }
  }

  private static void own(Fd fd, int uid, int gid, int mode) {
    Fs.chown(fd, uid, gid);
    Fs.chmod(fd, mode & MODE_MASK);
  }

  private static void file(Fd parent, String name, SyncEntry entry) {
    if (isSame(parent, name, entry)) {
      return;
    }
    removeIfExists(parent, PART);
    try (Fd fd =
        Fs.openResolved(
            parent,
            PART,
            OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_FOLLOW,
            0600,
            RESOLVE)) {
      fd.writeAll(entry.data());
      own(fd, entry.uid(), entry.gid(), entry.mode());
    }
    rename(parent, PART, name);
  }

  private static boolean isSame(Fd parent, String name, SyncEntry entry) {
    try (Fd fd =
        Fs.openResolved(
            parent,
            name,
            OpenFlag.READ_ONLY | OpenFlag.NO_FOLLOW | OpenFlag.NON_BLOCK,
            0,
            RESOLVE)) {
      Stat stat = Fs.stat(fd);
      if (!stat.isRegular()) {
        return false;
      }
      boolean same =
          stat.size() == entry.data().length
              && Arrays.equals(
                  FileContent.readBytes(fd, name, entry.data().length + 1), entry.data());
      if (same && stat.permissions() != (entry.mode() & MODE_MASK)) {
        Fs.chmod(fd, entry.mode() & MODE_MASK);
      }
      return same;
    } catch (LinuxException e) {
      // Not there, or something else is.
      return false;
    }
  }

  private static void link(Fd parent, String name, SyncEntry entry) {
    String target = new String(entry.data(), StandardCharsets.UTF_8);
    try {
      if (Links.readLinkAt(parent, name).equals(target)) {
        return;
      }
    } catch (LinuxException e) {
      // Not there, or no link.
    }
    removeIfExists(parent, PART);
    Links.symlinkAt(target, parent, PART);
    Fs.chownAt(parent, PART, entry.uid(), entry.gid());
    rename(parent, PART, name);
  }

  private static void rename(Fd parent, String from, String to) {
    String directory = parent.procPath() + "/";
    try {
      Fs.rename(directory + from, directory + to);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EISDIR && e.errno() != Errno.ENOTEMPTY && e.errno() != Errno.EEXIST) {
        throw e;
      }
      FileTree.removeTreeAt(parent, to);
      Fs.rename(directory + from, directory + to);
    }
  }

  private static void removeIfExists(Fd parent, String name) {
    try {
      Fs.unlinkAt(parent, name);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        FileTree.removeTreeAt(parent, name);
      }
    }
  }

  private static void removeOthers(Fd directory, String prefix, Map<String, SyncEntry> wanted) {
    for (String name : Fs.list(directory)) {
      SyncEntry entry = wanted.get(prefix + name);
      if (entry == null) {
        FileTree.removeTreeAt(directory, name);
      } else if ((entry.mode() & Stat.TYPE_MASK) == Stat.DIRECTORY) {
        try (Fd child = open(directory, name)) {
          removeOthers(child, prefix + name + "/", wanted);
        }
      }
    }
  }
}
