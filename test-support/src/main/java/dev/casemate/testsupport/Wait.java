package dev.casemate.testsupport;

import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waiting for what happens elsewhere. */
public final class Wait {
  private Wait() {}

  public static void millis(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Looks every 20 ms; a failure that says for what if it takes longer than {@code seconds}. */
  public static void until(int seconds, Supplier<String> what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + seconds * 1_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("waited " + seconds + " s in vain for: " + what.get());
      }
      millis(20);
    }
  }

  public static void until(int seconds, String what, BooleanSupplier condition) {
    until(seconds, () -> what, condition);
  }
}
