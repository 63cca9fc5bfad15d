package dev.casemate.sandbox;

/**
 * The signals that are on their way to a container. An engine that learns of a container's end
 * removes it at once, and closes the connection on which a kill may still wait for its answer; so
 * the sandbox reports the end after the answers.
 */
final class PendingSignals {
  /** How long the end waits at most. */
  private static final long SETTLE_MILLIS = 1_000;

  private int count;
  private boolean killed;

  synchronized void begin() {
    count++;
  }

  /** Whether no KILL was sent before this one: its end needs to be watched only once. */
  synchronized boolean isFirstKill() {
    boolean first = !killed;
    killed = true;
    return first;
  }

  synchronized void end() {
    count--;
    notifyAll();
  }

  /** Waits until the signals have been answered. */
  synchronized void settle() {
    long deadline = System.nanoTime() + SETTLE_MILLIS * 1_000_000;
    long left;
    while (count > 0 && (left = deadline - System.nanoTime()) > 0) {
      try {
        wait(left / 1_000_000 + 1);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Does something once the signals have been answered. */
  void settled(Runnable what) {
    settle();
    what.run();
  }
}
