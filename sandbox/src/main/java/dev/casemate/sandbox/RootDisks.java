package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.containerd.Mount;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A container's root straight from block devices and image files, where the snapshotter gives such:
 * they are plugged into the VM, and the guest mounts them, so that nothing of its files passes
 * through the host's file systems.
 *
 * <ul>
 *   <li>one ext4, XFS or btrfs: devmapper's device, blockfile's image
 *   <li>one EROFS image: the guest lays an overlay in its memory over it
 *   <li>several of both and an overlay of them, in containerd's notation of {@code {{ mount 0 }}}
 *       and {@code {{ overlay 1 3 }}}: the EROFS snapshotter of containerd 2.2
 * </ul>
 */
final class RootDisks {
  private static final int MOUNTS_LIMIT = 64;
  private static final String OWN_OPTIONS = "X-containerd.";

  private final String directory;
  private final BlockDeviceSpec.Plug plug;
  private final List<Storage> storages = new ArrayList<>();

  private RootDisks(String directory, BlockDeviceSpec.Plug plug) {
    this.directory = directory;
    this.plug = plug;
  }

  /**
   * The plan for a root.
   *
   * @param directory of the container in the guest
   * @return empty if the mounts are of another kind: the host mounts these and shares them
   */
  static Optional<RootPlan> plan(List<Mount> mounts, String directory, BlockDeviceSpec.Plug plug) {
    if (!isOfDisks(mounts)) {
      return Optional.empty();
    }
    requirePlainIds(mounts);
    RootDisks root = new RootDisks(directory, plug);
    String path = directory + "/rootfs";
    if (mounts.size() == 1) {
      root.single(mounts.getFirst(), path);
    } else {
      root.overlay(mounts, path);
    }
    return Optional.of(new RootPlan(root.storages, path));
  }

  private static void requirePlainIds(List<Mount> mounts) {
    for (Mount mount : mounts) {
      for (String option : mount.options()) {
        if (option.startsWith("uidmap=") || option.startsWith("gidmap=")) {
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "the container's root on disk "
                  + mount.source()
                  + " has option "
                  + option
                  + ", which the guest cannot apply; use the overlayfs snapshotter, or a pod without"
                  + " a user namespace");
        }
      }
    }
  }

  private static boolean isOfDisks(List<Mount> mounts) {
    if (mounts.isEmpty() || mounts.size() > MOUNTS_LIMIT) {
      return false;
    }
    if (mounts.size() == 1) {
      return isDisk(mounts.getFirst());
    }
    for (Mount mount : mounts.subList(0, mounts.size() - 1)) {
      if (!isDisk(mount)) {
        return false;
      }
    }
    String last = mounts.getLast().type();
    return last.equals("overlay") || last.startsWith("format/") && last.endsWith("overlay");
  }

  private static boolean isDisk(Mount mount) {
    switch (mount.type()) {
      case "ext4", "xfs", "btrfs", "erofs" -> {}
      default -> {
        return false;
      }
    }
    if (!mount.target().isEmpty() && !mount.target().equals("/")) {
      return false;
    }
    for (String option : mount.options()) {
      // Further devices of one file system: not one disk.
      if (option.startsWith("device=")) {
        return false;
      }
    }
    Optional<Stat> stat = Fs.statIfExists(mount.source());
    return stat.isPresent() && (stat.get().isRegular() || stat.get().type() == Stat.BLOCK);
  }

  private void single(Mount mount, String path) {
    if (mount.type().equals("erofs")) {
      // Places for mounts have to be made in it.
      disk(mount, directory + "/lower");
      String scratch = directory + "/scratch";
      storages.add(
          Storage.builder()
              .driver("ephemeral")
              .source("tmpfs")
              .fstype("tmpfs")
              .options(List.of("mode=0755"))
              .mountPoint(scratch)
              .build());
      overlay(
          path,
          List.of(
              "lowerdir=" + directory + "/lower",
              "upperdir=" + scratch + "/upper",
              "workdir=" + scratch + "/work"));
    } else {
      disk(mount, path);
    }
  }

  private void overlay(List<Mount> mounts, String path) {
    int disks = mounts.size() - 1;
    for (int i = 0; i < disks; i++) {
      disk(mounts.get(i), place(i));
    }
    List<String> options = new ArrayList<>();
    for (String option : mounts.getLast().options()) {
      if (!option.startsWith(OWN_OPTIONS)) {
        options.add(fill(option, disks));
      }
    }
    overlay(path, options);
  }

  private void overlay(String path, List<String> options) {
    storages.add(
        Storage.builder()
            .driver("overlayfs")
            .source("overlay")
            .fstype("overlay")
            .options(options)
            .mountPoint(path)
            .build());
  }

  private String place(int index) {
    return directory + "/disk" + index;
  }

  private void disk(Mount mount, String mountPoint) {
    List<String> options = new ArrayList<>();
    boolean readOnly = mount.type().equals("erofs");
    for (String option : mount.options()) {
      readOnly |= option.equals("ro");
      if (!option.equals("loop") && !option.startsWith(OWN_OPTIONS)) {
        options.add(option);
      }
    }
    if (readOnly && !options.contains("ro")) {
      options.add("ro");
    }
    storages.add(
        GuestDisks.storage(plug.plug(mount.source(), readOnly))
            .fstype(mount.type())
            .options(options)
            .mountPoint(mountPoint)
            .build());
  }

  /** Replaces {@code {{ … }}} by paths in the guest. */
  private String fill(String option, int disks) {
    StringBuilder filled = new StringBuilder();
    int at = 0;
    while (true) {
      int open = option.indexOf("{{", at);
      int close = open < 0 ? -1 : option.indexOf("}}", open);
      if (close < 0) {
        return filled.append(option, at, option.length()).toString();
      }
      filled.append(option, at, open);
      List<String> words = Text.split(option.substring(open + 2, close).strip(), ' ');
      if (words.size() == 2 && words.getFirst().equals("mount")) {
        filled.append(place(index(words.get(1), disks, option)));
      } else if (words.size() == 3 && words.getFirst().equals("overlay")) {
        layers(filled, index(words.get(1), disks, option), index(words.get(2), disks, option));
      } else {
        throw unknown(option);
      }
      at = close + 2;
    }
  }

  private void layers(StringBuilder filled, int first, int last) {
    int step = first <= last ? 1 : -1;
    for (int i = first; ; i += step) {
      filled.append(place(i));
      if (i == last) {
        return;
      }
      filled.append(':');
    }
  }

  private static int index(String word, int disks, String option) {
    if (word.length() <= 2 && !word.isEmpty()) {
      int value = 0;
      for (int i = 0; i < word.length(); i++) {
        char c = word.charAt(i);
        value = c < '0' || c > '9' ? disks : value * 10 + (c - '0');
      }
      if (value < disks) {
        return value;
      }
    }
    throw unknown(option);
  }

  private static CasemateException unknown(String option) {
    return CasemateException.of(
        Kind.INVALID_ARGUMENT,
        "mount option \""
            + option
            + "\" of the container's root is not understood; expected {{ mount N }} or"
            + " {{ overlay FIRST LAST }} with the numbers of earlier mounts");
  }
}
