package dev.casemate.linux;

/** What this process keeps in memory. */
public final class ProcessMemory {
  private static final long FIRST_PERIOD_MILLIS = 5_000;
  private static final long LAST_PERIOD_MILLIS = 60_000;

  /** So much garbage is worth a collection, which reads the whole heap of the image. */
  private static final long GARBAGE_BYTES = 256 << 10;

  private ProcessMemory() {}

  /**
   * Keeps a process small that mostly waits: collects its garbage now and whenever a quarter of a
   * mebibyte has come together, and gives back the pages of its executable that it has not changed:
   * after five seconds, then after twice as long each time, up to a minute, and after {@link
   * #worked}. They stay in the page cache; what is used again is mapped again, some microseconds a
   * piece. Does not return in a native image; does nothing on a JVM, which minds its memory itself.
   */
  public static void keepSmall() {
    if (!Kernel.INSTANCE.idle(0)) {
      return;
    }
    long period = FIRST_PERIOD_MILLIS;
    while (true) {
      // In our images this gives memory back, too: native/README.md.
      System.gc();
      long least = used();
      do {
        Kernel.INSTANCE.idle(period);
        releaseUnchanged();
        period = Math.min(LAST_PERIOD_MILLIS, 2 * period);
      } while (used() < least + GARBAGE_BYTES);
    }
  }

  /**
   * For threads that do something by themselves now and then, after it: what that mapped is given
   * back at once, if a thread keeps the process small, and not after a minute.
   */
  public static void worked() {
    Kernel.INSTANCE.worked();
  }

  /** Replaced in a native image: {@code native/substitutions}. */
  private static void releaseUnchanged() {}

  private static long used() {
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}
