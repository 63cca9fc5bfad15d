package dev.casemate.linux;

/** What this process keeps in memory. */
public final class ProcessMemory {
  private static final long FIRST_PERIOD_MILLIS = 5_000;
  private static final long LAST_PERIOD_MILLIS = 60_000;

  /** So much garbage is worth the looking at all that is not. */
  private static final long GARBAGE_BYTES = 1 << 20;

  private ProcessMemory() {}

  /**
   * Keeps a process small that mostly waits: collects its garbage now and whenever a mebibyte has
   * come together, and gives back the pages of its executable that it has not changed: after five
   * seconds, then after twice as long each time, up to a minute. They stay in the page cache; what
   * is used again is mapped again, some microseconds a piece. Does not return in a native image;
   * does nothing on a JVM, which minds its memory itself.
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
        period = Math.min(LAST_PERIOD_MILLIS, 2 * period);
      } while (used() < least + GARBAGE_BYTES);
    }
  }

  private static long used() {
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}
