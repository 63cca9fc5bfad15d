package dev.casemate.sandbox;

/** Threads of the sandbox process: small stacks, because there is one of it for every sandbox. */
public final class Threads {
  private static final long STACK_BYTES = 128 * 1024;

  private Threads() {}

  public static Thread start(String name, Runnable work) {
    Thread thread = new Thread(null, work, name, STACK_BYTES);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
