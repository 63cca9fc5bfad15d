package dev.casemate.linux;

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

  /** {@link #removeTree} relative to an open directory. */
  public static void removeTreeAt(Fd directory, String name) {
    try {
      Fs.unlinkAt(directory, name);
      return;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return;
      }
      if (e.errno() != Errno.EISDIR && e.errno() != Errno.EPERM) {
        throw e;
      }
    }
    try (Fd child =
        Fs.openResolved(
            directory,
            name,
            OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW,
            0,
            OpenFlag.RESOLVE_NO_XDEV | OpenFlag.RESOLVE_NO_SYMLINKS)) {
      for (String entry : Fs.list(child)) {
        removeTreeAt(child, entry);
      }
      Fs.removeDirectoryAt(directory, name);
    } catch (LinuxException e) {
      // Another process may be removing it, too.
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }
}
