package dev.casemate.image;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Keeps the store from other users of this machine: images hold secrets. */
final class StoreModes {
  private final String root;
  private boolean readOnly;
  private int refusals;
  private Optional<LinuxException> refused = Optional.empty();

  private StoreModes(String root) {
    this.root = root;
  }

  /**
   * Takes the rights of others from a store of an older version. The store's own directory is last:
   * it tells that all is done, so this costs one stat(2) from then on. A store that cannot be
   * repaired, on a read-only file system or another owner's, can still be used.
   *
   * @param warnings receives what stays open, and what to do
   */
  static void repair(String root, Consumer<String> warnings) {
    Optional<Stat> stat = Fs.statIfExists(root);
    if (stat.isPresent() && isOpen(stat.get())) {
      new StoreModes(root).repair().ifPresent(warnings);
    }
  }

  /** A sentence about what could not be closed. */
  private Optional<String> repair() {
    for (String folder : List.of("refs", "images", "erofs", "blobs")) {
      close(root + "/" + folder, true);
    }
    // Below these are files of images, whose modes are the images' own.
    close(root + "/rootfs", false);
    close(root + "/temp", false);
    close(root + "/store.lock", false);
    boolean closed = chmod(root, 0700);
    if (refused.isEmpty()) {
      return Optional.empty();
    }
    // A closed directory protects what is below it, whatever the modes there.
    return Optional.of(
        "image store "
            + root
            + (closed
                ? " is now closed to other users, but files in it are not: "
                : " is open to other users of this machine, who can read the content of images: ")
            + refused.get().getMessage()
            + (refusals > 1 ? " (and " + (refusals - 1) + " more)" : "")
            + (closed
                ? "; keep the directory closed, or remove other users' permissions with chmod go="
                : "; make the file system writable, or have the owner run: chmod 0700 " + root));
  }

  /** Whether the mode could be set; a file system or an owner that forbids it is only told of. */
  private boolean chmod(String path, int mode) {
    if (readOnly) {
      return false;
    }
    try {
      Fs.chmod(path, mode);
      return true;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPERM && e.errno() != Errno.EACCES && e.errno() != Errno.EROFS) {
        throw e;
      }
      refusals++;
      // A store has thousands of files: the next ones would fail as this one did.
      readOnly = e.errno() == Errno.EROFS;
      if (refused.isEmpty()) {
        refused = Optional.of(e);
      }
      return false;
    }
  }

  private static boolean isOpen(Stat stat) {
    return (stat.mode() & 077) != 0;
  }

  private void close(String path, boolean deep) {
    if (readOnly) {
      return;
    }
    try {
      Stat stat = Fs.lstat(path);
      if (stat.isDirectory() && deep) {
        for (String name : Fs.list(path)) {
          close(path + "/" + name, true);
        }
      }
      if ((stat.isDirectory() || stat.isRegular()) && isOpen(stat)) {
        chmod(path, stat.isDirectory() ? 0700 : 0600);
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }
}
