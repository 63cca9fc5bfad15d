package dev.casemate.sandbox;

/** Lets so many things happen at once and so many a second. Not safe for several threads. */
final class TokenBucket {
  private static final long SECOND = 1_000_000_000L;

  private final int burst;
  private final long nanosEach;
  private long fullAt;

  /**
   * A full one.
   *
   * @param burst how many at once, at least 1
   * @param perSecond how many a second after that, 1 to 10^9
   * @param nanos the time, of {@link System#nanoTime}
   */
  TokenBucket(int burst, int perSecond, long nanos) {
    this.burst = burst;
    this.nanosEach = SECOND / perSecond;
    this.fullAt = nanos;
  }

  /** Takes one; false if none is there. */
  boolean take(long nanos) {
    if (fullAt - nanos < 0) {
      fullAt = nanos;
    }
    if (fullAt - nanos > (burst - 1) * nanosEach) {
      return false;
    }
    fullAt += nanosEach;
    return true;
  }
}
