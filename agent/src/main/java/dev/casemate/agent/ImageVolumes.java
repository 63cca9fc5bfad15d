package dev.casemate.agent;

import dev.casemate.cell.CopyUp;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;

/**
 * The directories that an image declares as volumes: a program may rely on them, so they are made
 * where the image lacks them. They are directories of the container's own disk, beside its writable
 * layer.
 */
final class ImageVolumes {
  private static final int MODE = 0755;
  private static final int LIMIT = 256;

  private ImageVolumes() {}

  /**
   * Makes those that are missing below the container's root, and copies what is there into the
   * directories of the container's disk that are to be mounted over them.
   */
  static void make(Spec spec, String containerId) {
    String declared = spec.annotations().getOrDefault(GuestContract.IMAGE_VOLUMES_ANNOTATION, "");
    if (declared.isEmpty()) {
      return;
    }
    try (Fd root = Fs.open(spec.root().path(), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      int count = 0;
      for (String path : Text.split(declared, '\n')) {
        if (++count > LIMIT) {
          throw Failures.invalid("the image declares more than " + LIMIT + " volumes");
        }
        make(root, path);
        fill(root, path, spec, GuestContract.imageVolumes(containerId));
      }
    }
  }

  private static void fill(Fd root, String path, Spec spec, String volumes) {
    for (MountSpec mount : spec.mounts()) {
      if (!mount.destination().equals(path)
          || !mount.source().startsWith(volumes)
          || Fs.exists(mount.source())) {
        continue;
      }
      FileTree.makeDirectories(mount.source(), MODE);
      try (Fd from = Fs.openIn(root, path, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0);
          Fd to = Fs.open(mount.source(), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
        CopyUp.copy(from, to);
      }
    }
  }

  private static void make(Fd root, String path) {
    String parent = "";
    for (String name : Text.split(path, '/')) {
      if (name.equals(".") || name.equals("..")) {
        throw Failures.invalid("image volume \"" + path + "\" must be a path without \"..\"");
      }
      String next = parent + "/" + name;
      try {
        Fs.openIn(root, next, OpenFlag.PATH, 0).close();
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENOENT) {
          throw e;
        }
        String above = parent.isEmpty() ? "/" : parent;
        try (Fd directory = Fs.openIn(root, above, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0)) {
          Fs.makeDirectoryAt(directory, name, MODE);
        }
      }
      parent = next;
    }
  }
}
