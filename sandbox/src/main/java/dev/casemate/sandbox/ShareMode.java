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
 */
public record ShareMode(boolean readOnly, boolean recursive, boolean following) {
  /** A container's root: the guest makes places for mounts in it. */
  static final ShareMode ROOT = new ShareMode(false, true, false);

  /** The directory of an image, below an overlay that the guest makes. */
  public static final ShareMode IMAGE = new ShareMode(true, false, false);

  /** As the options of a bind mount in {@code config.json} have it. */
  static ShareMode of(List<String> options) {
    boolean readOnly = options.contains("ro") || options.contains("rro");
    boolean propagated =
        options.contains("rslave")
            || options.contains("slave")
            || options.contains("rshared")
            || options.contains("shared");
    // A mount that arrives later has the host's attributes: it would be writable in a share that
    // must not be.
    return new ShareMode(readOnly, !options.contains("bind"), propagated && !readOnly);
  }

  /** {@code MOUNT_ATTR_} flags: what a guest writes is never a program or device of the host's. */
  long attributes() {
    return NewMount.ATTR_NOSUID | NewMount.ATTR_NODEV | (readOnly ? NewMount.ATTR_RDONLY : 0);
  }

  long propagation() {
    return following ? Mounts.SLAVE : Mounts.PRIVATE;
  }
}
