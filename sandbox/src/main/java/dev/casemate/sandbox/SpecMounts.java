package dev.casemate.sandbox;

import dev.casemate.oci.MountSpec;

/** The mounts of a {@code config.json}, turned into what the guest can mount. */
public final class SpecMounts {
  private SpecMounts() {}

  /** Whether a mount shows something that exists already. */
  public static boolean isBind(MountSpec mount) {
    return mount.type().equals("bind")
        || mount.options().contains("bind")
        || mount.options().contains("rbind");
  }

  /**
   * The mount with its source as the guest has it. Sources on the host are shared; a read-only
   * mount is shared read-only with all mounts below it.
   */
  public static MountSpec translate(MountSpec mount, Shares shares) {
    return isBind(mount)
        ? mount.withSource(shares.add(mount.source(), ShareMode.of(mount.options()).whole()))
        : mount;
  }
}
