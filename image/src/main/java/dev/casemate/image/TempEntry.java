package dev.casemate.image;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.util.Optional;

/**
 * A file or directory in the making. Its lock ({@code flock(2)} on itself) tells every process
 * whether somebody is at work on it: others wait for the same name, and what is found without a
 * lock belonged to a process that died. Closing removes it, unless it was moved to its place.
 */
final class TempEntry implements AutoCloseable {
  private final String path;
  private final Fd fd;
  private boolean moved;

  private TempEntry(String path, Fd fd) {
    this.path = path;
    this.fd = fd;
  }

  /** An empty file; waits while another process or thread works on one of the same name. */
  static TempEntry file(String folder, String name) {
    TempEntry entry = acquire(folder + "/" + name, false);
    FileContent.truncate(entry.fd, 0);
    return entry;
  }

  /** An empty directory; waits likewise. */
  static TempEntry directory(String folder, String name) {
    TempEntry entry = acquire(folder + "/" + name, true);
    for (String left : Fs.list(entry.path)) {
      FileTree.removeTree(entry.path + "/" + left);
    }
    return entry;
  }

  private static TempEntry acquire(String path, boolean directory) {
    while (true) {
      Optional<Fd> opened = directory ? openDirectory(path) : openFile(path);
      if (opened.isEmpty()) {
        continue;
      }
      Fd fd = opened.get();
      boolean held = false;
      try {
        Fs.lock(fd, true, true);
        held = isSame(fd, path);
      } finally {
        if (!held) {
          fd.close();
        }
      }
      // The former holder of the lock may have moved or removed it; then this is another file.
      if (held) {
        return new TempEntry(path, fd);
      }
    }
  }

  private static Optional<Fd> openFile(String path) {
    return Optional.of(
        Fs.open(path, OpenFlag.READ_WRITE | OpenFlag.CREATE | OpenFlag.NO_FOLLOW, 0600));
  }

  private static Optional<Fd> openDirectory(String path) {
    try {
      Fs.makeDirectory(path, 0700);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
    }
    try {
      return Optional.of(
          Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static boolean isSame(Fd fd, String path) {
    try {
      Stat there = Fs.lstat(path);
      Stat mine = Fs.stat(fd);
      return there.inode() == mine.inode()
          && there.filesystemMajor() == mine.filesystemMajor()
          && there.filesystemMinor() == mine.filesystemMinor();
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
  }

  /** Removes what processes that are gone have left. */
  static void clean(String folder) {
    for (String name : Fs.list(folder)) {
      String path = folder + "/" + name;
      try (Fd fd = Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.NON_BLOCK | OpenFlag.NO_FOLLOW)) {
        if (Fs.lock(fd, true, false) && isSame(fd, path)) {
          FileTree.removeTree(path);
        }
      } catch (LinuxException e) {
        // Another process removed or took it meanwhile; the next run looks again.
      }
    }
  }

  String path() {
    return path;
  }

  Fd fd() {
    return fd;
  }

  /** Writes a file through to the disk and renames it to its place. */
  void moveTo(String target) {
    FileContent.sync(fd);
    Fs.rename(path, target);
    moved = true;
  }

  @Override
  public void close() {
    try {
      if (!moved) {
        FileTree.removeTree(path);
      }
    } finally {
      fd.close();
    }
  }
}
