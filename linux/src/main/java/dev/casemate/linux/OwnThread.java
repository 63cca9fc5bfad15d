package dev.casemate.linux;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * Calls on a thread that ends afterwards: namespaces belong to threads, and one that has changed
 * its own is of no other use.
 */
public final class OwnThread {
  private OwnThread() {}

  private static final class Outcome<T> {
    private @Nullable T value;
    private @Nullable Throwable failure;
  }

  /**
   * Does something and waits for it.
   *
   * @throws RuntimeException what the task throws, if that is unchecked
   */
  public static <T> T call(String name, Callable<T> task) {
    Outcome<T> outcome = new Outcome<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                outcome.value = task.call();
              } catch (Throwable e) {
                outcome.failure = e;
              }
            },
            name);
    thread.start();
    Uninterrupted.join(thread);
    Throwable failure = outcome.failure;
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    T value = outcome.value;
    if (failure != null || value == null) {
      throw new IllegalStateException("the task of thread " + name + " failed", failure);
    }
    return value;
  }
}
