package dev.casemate.linux;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;

/** Directories with all above or below them. */
public final class FileTree {
  private FileTree() {}

  /** Makes a directory and those above it that are missing. */
  public static void makeDirectories(String path, int mode) {
    Optional<Stat> there = Fs.statIfExists(path);
    if (there.isPresent() && there.get().isDirectory()) {
      return;
    }
    int slash = path.lastIndexOf('/');
    if (slash > 0) {
      makeDirectories(path.substring(0, slash), mode);
    }
    try {
      Fs.makeDirectory(path, mode);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST || !Fs.stat(path).isDirectory()) {
        throw e;
      }
    }
  }

  /**
   * Removes a file or a directory with all below it; does not follow links, does not cross into
   * mounts. Missing is fine.
   */
  public static void removeTree(String path) {
    int slash = path.lastIndexOf('/');
    String parent = slash < 0 ? "." : slash == 0 ? "/" : path.substring(0, slash);
    try (Fd directory = Fs.open(parent, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      removeTreeAt(directory, path.substring(slash + 1));
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw new LinuxException(e.call(), path, e.errno());
      }
    }
  }

  /** A directory that is being emptied, and where the one above it is. */
  private static final class Level {
    private final String name;
    private final Stat above;
    private final Iterator<String> left;

    Level(String name, Fd above, Fd directory) {
      this.name = name;
      this.above = Fs.stat(above);
      this.left = Fs.list(directory).iterator();
    }
  }

  /**
   * {@link #removeTree} relative to an open directory.
   *
   * <p>A tree may be as deep as its maker likes, so neither the stack nor the number of open
   * descriptors grows with its depth.
   */
  public static void removeTreeAt(Fd directory, String name) {
    if (removeLeaf(directory, name)) {
      return;
    }
    Deque<Level> levels = new ArrayDeque<>();
    Fd here = directory.duplicate(0);
    try {
      here = descend(here, name, levels);
      while (!levels.isEmpty()) {
        Level level = levels.getLast();
        if (level.left.hasNext()) {
          String entry = level.left.next();
          if (!removeLeaf(here, entry)) {
            here = descend(here, entry, levels);
          }
        } else {
          levels.removeLast();
          Fd above = levels.isEmpty() ? directory.duplicate(0) : above(here, level);
          here.close();
          here = above;
          removeEmpty(here, level.name);
        }
      }
    } finally {
      here.close();
    }
  }

  /** Removes what is not a directory, or not there; false if it is one. */
  private static boolean removeLeaf(Fd directory, String name) {
    try {
      Fs.unlinkAt(directory, name);
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.EISDIR || e.errno() == Errno.EPERM) {
        return false;
      }
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
      return true;
    }
  }

  /** Opens a directory below, in place of {@code here}; stays where another process is faster. */
  private static Fd descend(Fd here, String name, Deque<Level> levels) {
    Fd child;
    try {
      child =
          Fs.openResolved(
              here,
              name,
              OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW,
              0,
              OpenFlag.RESOLVE_NO_XDEV | OpenFlag.RESOLVE_NO_SYMLINKS);
    } catch (LinuxException e) {
      // Another process may be removing it, too.
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
      return here;
    }
    try {
      levels.addLast(new Level(name, here, child));
    } catch (LinuxException e) {
      child.close();
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
      return here;
    }
    here.close();
    return child;
  }

  /** Never up and out of the tree that is to be removed: another process may have moved it. */
  private static Fd above(Fd here, Level level) {
    Fd above = Fs.openAt(here, "..", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0);
    Stat found = Fs.stat(above);
    if (found.inode() != level.above.inode()
        || found.filesystemMajor() != level.above.filesystemMajor()
        || found.filesystemMinor() != level.above.filesystemMinor()) {
      above.close();
      throw new LinuxException("remove", level.name + ", which was moved away", Errno.EXDEV);
    }
    return above;
  }

  private static void removeEmpty(Fd directory, String name) {
    try {
      Fs.removeDirectoryAt(directory, name);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }
}
