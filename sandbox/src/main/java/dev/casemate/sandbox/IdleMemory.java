package dev.casemate.sandbox;

import dev.casemate.linux.ProcessMemory;

/**
 * Makes a sandbox's process small once its first container runs: there is one for every sandbox,
 * and all that it does from then on is to wait.
 */
final class IdleMemory {
  /** After the work of the start; no caller waits for it. */
  private static final long SETTLE_MILLIS = 1_500;

  private IdleMemory() {}

  static void settleLater() {
    Threads.start("settle", IdleMemory::settle);
  }

  private static void settle() {
    try {
      Thread.sleep(SETTLE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    ProcessMemory.keepSmall();
  }
}
