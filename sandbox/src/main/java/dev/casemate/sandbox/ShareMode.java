package dev.casemate.sandbox;

import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import java.util.List;

/**
 * How a directory or file of the host is shared.
 *
 * @param readOnly on the host, where the guest cannot change it
 * @param recursive with what is mounted below it now
 * @param following with what the host mounts below it later, too
 * @param readOnlyBelow whether what is mounted below is read-only because of {@code readOnly};
 *     otherwise it is what it is on the host
 * @param ids which owners its files have in the guest
 */
public record ShareMode(
    boolean readOnly, boolean recursive, boolean following, boolean readOnlyBelow, MountIds ids) {
  /** A container's root: the guest makes places for mounts in it. */
  static final ShareMode ROOT = new ShareMode(false, true, false);

  /** The directory of an image, below an overlay that the guest makes. */
  public static final ShareMode IMAGE = new ShareMode(true, false, false);

  /** One that is read-only as a whole, or not at all. */
  public ShareMode(boolean readOnly, boolean recursive, boolean following) {
    this(readOnly, recursive, following, readOnly, MountIds.NONE);
  }

  /**
   * As the options of a bind mount in {@code config.json} have it: {@code ro} is about the mount
   * itself, {@code rro} about all mounts below it, too.
   */
  static ShareMode of(List<String> options) {
    boolean all = options.contains("rro");
    boolean readOnly = all || options.contains("ro");
    boolean propagated =
        options.contains("rslave")
            || options.contains("slave")
            || options.contains("rshared")
            || options.contains("shared");
    // A mount that arrives later has the host's attributes: it would be writable in a share that
    // must not be.
    return new ShareMode(
        readOnly, !options.contains("bind"), propagated && !readOnly, all, MountIds.NONE);
  }

  /** The same with everything in it read-only, if it is read-only itself. */
  ShareMode whole() {
    return new ShareMode(readOnly, recursive, following, readOnly, ids);
  }

  /** The same with other owners. */
  ShareMode withIds(MountIds other) {
    return new ShareMode(readOnly, recursive, following, readOnlyBelow, other);
  }

  /** Whether mounts below it may be writable while it is not. */
  boolean mayBeWritableBelow() {
    return readOnly && recursive && !readOnlyBelow;
  }

  /**
   * {@code MOUNT_ATTR_} flags of all its mounts: what a guest writes is never a program or device
   * of the host's.
   */
  long attributes() {
    return NewMount.ATTR_NOSUID
        | NewMount.ATTR_NODEV
        | (readOnly && (readOnlyBelow || !recursive) ? NewMount.ATTR_RDONLY : 0);
  }

  long propagation() {
    return following ? Mounts.SLAVE : Mounts.PRIVATE;
  }
}
