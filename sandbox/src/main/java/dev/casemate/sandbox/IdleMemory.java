package dev.casemate.sandbox;

import dev.casemate.linux.ProcessMemory;

/**
 * Makes a sandbox small once its first container runs: its process, of which there is one for every
 * sandbox and which only waits from then on, its VMM and its guest.
 */
final class IdleMemory {
  /** After the work of the start; no caller waits for it. */
  private static final long SETTLE_MILLIS = 1_500;

  private IdleMemory() {}

  /**
   * @param vm makes the rest of the sandbox small; is called once, on a thread of its own
   */
  static void settleLater(Runnable vm) {
    Threads.start("settle", () -> settle(vm));
  }

  private static void settle(Runnable vm) {
    try {
      Thread.sleep(SETTLE_MILLIS);
      // A thread that has traced another process must end (ptrace(2)); this one does not.
      Threads.start("trim", vm).join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    ProcessMemory.keepSmall();
  }
}
