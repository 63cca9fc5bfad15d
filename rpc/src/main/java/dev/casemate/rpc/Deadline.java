package dev.casemate.rpc;

/** A point of the monotonic clock, or never. */
final class Deadline {
  private final boolean never;
  private final long nanos;

  /**
   * @param timeoutMillis from now; 0 for never
   */
  Deadline(long timeoutMillis) {
    never = timeoutMillis == 0;
    nanos = never ? 0 : System.nanoTime() + timeoutMillis * 1_000_000;
  }

  /**
   * Waits on a monitor that the caller holds, until it is notified or the deadline passes.
   *
   * @return false if the deadline had passed already
   */
  @SuppressWarnings("WaitNotInLoop") // The callers loop.
  boolean waitOn(Object monitor) throws InterruptedException {
    if (never) {
      monitor.wait();
      return true;
    }
    long left = nanos - System.nanoTime();
    if (left <= 0) {
      return false;
    }
    monitor.wait(left / 1_000_000, (int) (left % 1_000_000));
    return true;
  }
}
