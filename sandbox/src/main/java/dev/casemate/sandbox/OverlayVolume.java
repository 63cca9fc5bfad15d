package dev.casemate.sandbox;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.MountSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * A mount of type overlay in {@code config.json}, whose layers are directories of the host: CRI-O's
 * volumes that are images. The host lays them over each other, and the guest gets the result.
 *
 * @param flags of mount(2)
 * @param data options of the file system
 * @param words what the guest mounts the result with
 */
record OverlayVolume(long flags, String data, List<String> words) {
  /** Where it is mounted for a moment, in a namespace of its own; there on every machine. */
  private static final String PLACE = "/proc";

  static boolean is(MountSpec mount) {
    return mount.type().equals("overlay");
  }

  static OverlayVolume of(MountSpec mount) {
    List<String> data = new ArrayList<>();
    List<String> words = new ArrayList<>();
    boolean writable = false;
    for (String option : mount.options()) {
      if (isOfFileSystem(option)) {
        data.add(option);
        writable |= option.startsWith("upperdir=");
      } else {
        words.add(option);
      }
    }
    if (!writable && !words.contains("ro") && !words.contains("rro")) {
      words.add("ro");
    }
    words.add("bind");
    return new OverlayVolume(
        words.contains("ro") || words.contains("rro") ? Mounts.RDONLY : 0,
        String.join(",", data),
        words);
  }

  private static boolean isOfFileSystem(String option) {
    return option.indexOf('=') > 0 || option.equals("userxattr") || option.equals("volatile");
  }

  /** A detached mount of it, to be made in a sketch of a view. */
  Fd mount(ShareMode mode) {
    Mounts.mount("overlay", PLACE, "overlay", flags, data);
    try (Fd root = Fs.open(PLACE, OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      Fd tree = Mounts.openTree(root, "", Mounts.OPEN_TREE_CLONE);
      try {
        Mounts.setAttributes(tree, false, mode.attributes(), 0, mode.propagation(), 0);
      } catch (RuntimeException e) {
        tree.close();
        throw e;
      }
      return tree;
    }
  }
}
