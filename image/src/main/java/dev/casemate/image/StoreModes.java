package dev.casemate.image;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import java.util.List;
import java.util.Optional;

/** Keeps the store from other users of this machine: images hold secrets. */
final class StoreModes {
  private StoreModes() {}

  /**
   * Takes the rights of others from a store of an older version. The store's own directory is last:
   * it tells that all is done, so this costs one stat(2) from then on.
   */
  static void repair(String root) {
    Optional<Stat> stat = Fs.statIfExists(root);
    if (stat.isEmpty() || !isOpen(stat.get())) {
      return;
    }
    for (String folder : List.of("refs", "images", "erofs", "blobs")) {
      close(root + "/" + folder, true);
    }
    // Below these are files of images, whose modes are the images' own.
    close(root + "/rootfs", false);
    close(root + "/temp", false);
    close(root + "/store.lock", false);
    Fs.chmod(root, 0700);
  }

  private static boolean isOpen(Stat stat) {
    return (stat.mode() & 077) != 0;
  }

  private static void close(String path, boolean deep) {
    try {
      Stat stat = Fs.lstat(path);
      if (stat.isDirectory() && deep) {
        for (String name : Fs.list(path)) {
          close(path + "/" + name, true);
        }
      }
      if ((stat.isDirectory() || stat.isRegular()) && isOpen(stat)) {
        Fs.chmod(path, stat.isDirectory() ? 0700 : 0600);
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }
}
