package dev.casemate.linux;

/** {@code prlimit(2)}; limits are unsigned 64 bits, −1 is infinity. */
public final class ResourceLimits {
  private static final String[] NAMES = {
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME"
  };

  private ResourceLimits() {}

  public record Limit(long soft, long hard) {}

  /** The number of {@code RLIMIT_NOFILE}; −1 if it is unknown. */
  public static int number(String name) {
    for (int i = 0; i < NAMES.length; i++) {
      if (name.length() == NAMES[i].length() + 7
          && name.startsWith("RLIMIT_")
          && name.endsWith(NAMES[i])) {
        return i;
      }
    }
    return -1;
  }

  public static Limit get(int resource) {
    try (NativeBuffer limit = NativeBuffer.allocate(16)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.PRLIMIT64, 0, resource, 0, limit.address()),
          "prlimit",
          NAMES[resource]);
      return new Limit(limit.getLong(0), limit.getLong(8));
    }
  }

  /** Sets a limit of the calling process. */
  public static void set(int resource, Limit value) {
    try (NativeBuffer limit = NativeBuffer.allocate(16)) {
      limit.putLong(0, value.soft()).putLong(8, value.hard());
      SystemCall.check(
          SystemCall.raw(SystemCall.PRLIMIT64, 0, resource, limit.address(), 0),
          "prlimit",
          "RLIMIT_" + NAMES[resource]);
    }
  }
}
