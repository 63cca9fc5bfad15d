package dev.casemate.sandbox;

import dev.casemate.base.PlainText;

/** Threads of the sandbox process: small stacks, because there is one of it for every sandbox. */
public final class Threads {
  private static final long STACK_BYTES = 128 * 1024;

  private Threads() {}

  public static Thread start(String name, Runnable work) {
    Thread thread = new Thread(null, () -> run(name, work), name, STACK_BYTES);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** Prints the cause of a thread's end in one line; the virtual machine would print a stack. */
  private static void run(String name, Runnable work) {
    try {
      work.run();
    } catch (RuntimeException | Error e) {
      System.err.println(PlainText.message("warning: thread " + name + " has ended: " + e));
    }
  }
}
