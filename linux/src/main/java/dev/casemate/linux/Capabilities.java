package dev.casemate.linux;

import java.util.Locale;

/**
 * Capability sets of the calling thread (capabilities(7)); a set is a mask of {@code 1L << cap}.
 */
public final class Capabilities {
  private static final String[] NAMES = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE"
  };

  public static final long DAC_OVERRIDE = 1L << 1;
  public static final long DAC_READ_SEARCH = 1L << 2;
  public static final long SYS_ADMIN = 1L << 21;
  private static final int VERSION_3 = 0x20080522;
  private static final int PR_SET_KEEPCAPS = 8;
  private static final int PR_CAPBSET_READ = 23;
  private static final int PR_CAPBSET_DROP = 24;
  private static final int PR_GET_SECUREBITS = 27;
  private static final int PR_SET_SECUREBITS = 28;
  private static final int NO_SETUID_FIXUP = 1 << 2;
  private static final int PR_CAP_AMBIENT = 47;
  private static final int AMBIENT_RAISE = 2;
  private static final int AMBIENT_CLEAR_ALL = 4;

  private Capabilities() {}

  /** Effective, permitted and inheritable set. */
  public record Sets(long effective, long permitted, long inheritable) {}

  /** The number of {@code CAP_CHOWN} or {@code chown}; −1 if it is unknown. */
  public static int number(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    if (upper.startsWith("CAP_")) {
      upper = upper.substring(4);
    }
    for (int i = 0; i < NAMES.length; i++) {
      if (NAMES[i].equals(upper)) {
        return i;
      }
    }
    return -1;
  }

  /** {@code CAP_CHOWN} …; the number in digits if it has no name here. */
  public static String name(int capability) {
    return capability >= 0 && capability < NAMES.length
        ? "CAP_" + NAMES[capability]
        : Integer.toString(capability);
  }

  /** How many capabilities have a name here. */
  public static int count() {
    return NAMES.length;
  }

  public static Sets get() {
    try (NativeBuffer header = NativeBuffer.allocate(8);
        NativeBuffer data = NativeBuffer.allocate(24)) {
      header.putInt(0, VERSION_3);
      SystemCall.check(
          SystemCall.raw(SystemCall.CAPGET, header.address(), data.address()), "capget", "");
      return new Sets(join(data, 0), join(data, 4), join(data, 8));
    }
  }

  private static long join(NativeBuffer data, int at) {
    return (data.getInt(at) & 0xffffffffL) | ((long) data.getInt(at + 12) << 32);
  }

  public static void set(Sets sets) {
    try (NativeBuffer header = NativeBuffer.allocate(8);
        NativeBuffer data = NativeBuffer.allocate(24)) {
      header.putInt(0, VERSION_3);
      split(data, 0, sets.effective());
      split(data, 4, sets.permitted());
      split(data, 8, sets.inheritable());
      SystemCall.check(
          SystemCall.raw(SystemCall.CAPSET, header.address(), data.address()), "capset", "");
    }
  }

  private static void split(NativeBuffer data, int at, long mask) {
    data.putInt(at, (int) mask).putInt(at + 12, (int) (mask >>> 32));
  }

  /** Whether the bounding set holds a capability. */
  public static boolean bounding(int capability) {
    return SystemCall.raw(SystemCall.PRCTL, PR_CAPBSET_READ, capability) == 1;
  }

  /** Removes everything from the bounding set that is not in {@code keep}. */
  public static void limitBounding(long keep) {
    for (int capability = 0; capability < 64; capability++) {
      if ((keep & (1L << capability)) != 0) {
        continue;
      }
      long r = SystemCall.raw(SystemCall.PRCTL, PR_CAPBSET_DROP, capability);
      if (r == -Errno.EINVAL) {
        return;
      }
      if (r == -Errno.EPERM && !bounding(capability)) {
        continue;
      }
      SystemCall.check(r, "prctl(PR_CAPBSET_DROP)", name(capability));
    }
  }

  /**
   * Lets this thread and what it executes keep effective capabilities when they change between uid
   * 0 and others (SECBIT_NO_SETUID_FIXUP); without CAP_SETPCAP, nothing changes.
   */
  public static void keepOnChangeOfUser() {
    long bits = SystemCall.raw(SystemCall.PRCTL, PR_GET_SECUREBITS);
    SystemCall.check(bits, "prctl(PR_GET_SECUREBITS)", "");
    long r = SystemCall.raw(SystemCall.PRCTL, PR_SET_SECUREBITS, bits | NO_SETUID_FIXUP);
    if (r != -Errno.EPERM) {
      SystemCall.check(r, "prctl(PR_SET_SECUREBITS)", "");
    }
  }

  /** Lets the permitted set survive a change from uid 0 to another. */
  public static void keepOverUidChange(boolean keep) {
    SystemCall.check(
        SystemCall.raw(SystemCall.PRCTL, PR_SET_KEEPCAPS, keep ? 1 : 0),
        "prctl(PR_SET_KEEPCAPS)",
        "");
  }

  /**
   * Sets the ambient set; capabilities that are not permitted and inheritable too are left out.
   *
   * @return the mask of those that were left out
   */
  public static long setAmbient(long mask) {
    SystemCall.raw(SystemCall.PRCTL, PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0);
    long refused = 0;
    for (int capability = 0; capability < 64; capability++) {
      if ((mask & (1L << capability)) != 0
          && SystemCall.failed(
              SystemCall.raw(SystemCall.PRCTL, PR_CAP_AMBIENT, AMBIENT_RAISE, capability, 0, 0))) {
        refused |= 1L << capability;
      }
    }
    return refused;
  }
}
