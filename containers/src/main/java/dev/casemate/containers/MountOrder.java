package dev.casemate.containers;

import dev.casemate.linux.Text;
import dev.casemate.oci.MountSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The order in which a container's mounts are made: a directory before what lies in it, whatever
 * the order on the command line, as nothing that is mounted first would be seen otherwise.
 */
final class MountOrder {
  private MountOrder() {}

  /**
   * The plain mounts, but those that the user replaces, and then the user's by depth.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT if two of the user's have the same
   *     destination, or one is the root
   */
  static List<MountSpec> merge(List<MountSpec> plain, List<MountSpec> asked) {
    List<String> taken = new ArrayList<>();
    for (MountSpec mount : asked) {
      String destination = clean(mount.destination());
      if (destination.equals("/")) {
        throw Refusal.of(
            "mount point \"" + mount.destination() + "\" is the root; mount something below it");
      }
      if (taken.contains(destination)) {
        throw Refusal.of(
            "mount point \""
                + mount.destination()
                + "\" is given twice; give each --volume and --tmpfs another one");
      }
      taken.add(destination);
    }
    List<MountSpec> mounts = new ArrayList<>();
    for (MountSpec mount : plain) {
      if (!taken.contains(clean(mount.destination()))) {
        mounts.add(mount);
      }
    }
    List<MountSpec> sorted = new ArrayList<>(asked);
    // Stable: equals stay as they were given.
    sorted.sort(Comparator.comparingInt(mount -> depth(mount.destination())));
    mounts.addAll(sorted);
    return mounts;
  }

  private static int depth(String destination) {
    return Text.split(clean(destination), '/').size();
  }

  /** Without empty components, {@code .} and {@code ..}. */
  static String clean(String path) {
    List<String> parts = new ArrayList<>();
    for (String part : Text.split(path, '/')) {
      if (part.equals("..")) {
        if (!parts.isEmpty()) {
          parts.removeLast();
        }
      } else if (!part.equals(".")) {
        parts.add(part);
      }
    }
    return "/" + String.join("/", parts);
  }
}
