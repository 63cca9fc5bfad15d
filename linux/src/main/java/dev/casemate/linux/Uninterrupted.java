package dev.casemate.linux;

/** Waiting that an interrupt does not cut short: the thread is interrupted again afterwards. */
public final class Uninterrupted {
  private Uninterrupted() {}

  /** Waits until a thread has ended. */
  public static void join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
