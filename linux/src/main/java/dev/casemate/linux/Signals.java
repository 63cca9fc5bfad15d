package dev.casemate.linux;

/**
 * Signal numbers of x86-64 and signals as data: blocked and read from a descriptor, never by a
 * handler.
 */
public final class Signals {
  public static final int HUP = 1;
  public static final int INT = 2;
  public static final int QUIT = 3;
  public static final int TRAP = 5;
  public static final int ABRT = 6;
  public static final int KILL = 9;
  public static final int USR1 = 10;
  public static final int SEGV = 11;
  public static final int USR2 = 12;
  public static final int PIPE = 13;
  public static final int ALRM = 14;
  public static final int TERM = 15;
  public static final int CHLD = 17;
  public static final int CONT = 18;
  public static final int STOP = 19;
  public static final int TSTP = 20;
  public static final int TTIN = 21;
  public static final int TTOU = 22;
  public static final int URG = 23;
  public static final int WINCH = 28;
  private static final String[] NAMES = {
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"
  };
  private static final int REALTIME_MIN = 34;
  private static final int REALTIME_MAX = 64;

  private Signals() {}

  /**
   * The number of {@code TERM}, {@code SIGTERM}, {@code sigterm}, {@code 15}, {@code RTMIN+1}; −1
   * if it is unknown.
   */
  public static int number(String text) {
    String name = text.toUpperCase(java.util.Locale.ROOT);
    if (name.startsWith("SIG")) {
      name = name.substring(3);
    }
    if (!name.isEmpty() && Character.isDigit(name.charAt(0))) {
      try {
        int number = Integer.parseInt(name);
        return number >= 0 && number <= REALTIME_MAX ? number : -1;
      } catch (NumberFormatException e) {
        return -1;
      }
    }
    for (int i = 1; i < NAMES.length; i++) {
      if (NAMES[i].equals(name)) {
        return i;
      }
    }
    try {
      if (name.equals("RTMIN") || name.startsWith("RTMIN+")) {
        int n = REALTIME_MIN + (name.length() > 6 ? Integer.parseInt(name.substring(6)) : 0);
        return n <= REALTIME_MAX ? n : -1;
      }
      if (name.equals("RTMAX") || name.startsWith("RTMAX-")) {
        int n = REALTIME_MAX - (name.length() > 6 ? Integer.parseInt(name.substring(6)) : 0);
        return n >= REALTIME_MIN ? n : -1;
      }
    } catch (NumberFormatException e) {
      return -1;
    }
    return switch (name) {
      case "POLL" -> 29;
      case "IOT" -> ABRT;
      case "CLD" -> CHLD;
      default -> -1;
    };
  }

  /** The name without {@code SIG}; the number in digits if it has none. */
  public static String name(int signal) {
    return signal > 0 && signal < NAMES.length ? NAMES[signal] : Integer.toString(signal);
  }

  private static long mask(int... signals) {
    long mask = 0;
    for (int signal : signals) {
      mask |= 1L << (signal - 1);
    }
    return mask;
  }

  /**
   * Blocks signals in the calling thread and in threads that it makes later; they then wait for
   * {@link #descriptor}.
   */
  public static void block(int... signals) {
    changeMask(0, mask(signals));
  }

  /** Unblocks every signal in the calling thread. */
  public static void unblockAll() {
    changeMask(2, 0);
  }

  private static void changeMask(int how, long mask) {
    try (NativeBuffer set = NativeBuffer.allocate(8)) {
      set.putLong(0, mask);
      SystemCall.check(
          SystemCall.raw(SystemCall.RT_SIGPROCMASK, how, set.address(), 0, 8),
          "rt_sigprocmask",
          "");
    }
  }

  /** A descriptor that yields 128-byte records for the (blocked) signals; see {@link #read}. */
  public static Fd descriptor(boolean nonBlocking, int... signals) {
    try (NativeBuffer set = NativeBuffer.allocate(8)) {
      set.putLong(0, mask(signals));
      return Fd.of(
          (int)
              SystemCall.check(
                  SystemCall.raw(
                      SystemCall.SIGNALFD4,
                      -1,
                      set.address(),
                      8,
                      OpenFlag.CLOSE_ON_EXEC | (nonBlocking ? OpenFlag.NON_BLOCK : 0)),
                  "signalfd4",
                  ""));
    }
  }

  /** The next signal's number from a {@link #descriptor}, or {@link Fd#WOULD_BLOCK}. */
  public static int read(Fd descriptor) {
    byte[] record = new byte[128];
    int n = descriptor.read(record, 0, record.length);
    return n == 128 ? record[0] & 0xff : Fd.WOULD_BLOCK;
  }

  /**
   * Ignores a signal (writes to a closed pipe then fail with EPIPE instead of ending the process).
   */
  public static void ignore(int signal) {
    disposition(signal, 1);
  }

  /** Back to the signal's default action. */
  public static void restoreDefault(int signal) {
    disposition(signal, 0);
  }

  private static void disposition(int signal, long handler) {
    try (NativeBuffer action = NativeBuffer.allocate(32)) {
      action.putLong(0, handler);
      SystemCall.check(
          SystemCall.raw(SystemCall.RT_SIGACTION, signal, action.address(), 0, 8),
          "rt_sigaction",
          name(signal));
    }
  }
}
