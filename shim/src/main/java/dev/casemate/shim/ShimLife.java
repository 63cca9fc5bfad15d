package dev.casemate.shim;

import dev.casemate.sandbox.Sandbox;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** When a shim ends: when it is told to, or when nobody has ever asked it for anything. */
final class ShimLife {
  /** containerd creates a task right after the shim's start; one that does not has died. */
  private static final long UNUSED_LIMIT_SECONDS = 120;

  private final CountDownLatch over = new CountDownLatch(1);
  private final Sandbox sandbox;
  private int running;
  private volatile boolean used;

  ShimLife(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /** A call begins that needs the sandbox. */
  synchronized void begin() {
    used = true;
    running++;
  }

  /** It is over. */
  synchronized void end() {
    running--;
  }

  /** Ends the VM, and then the process. When it returns, the host has back what the VM had. */
  void shutdown() {
    sandbox.close();
    over.countDown();
  }

  /** Waits for the end of the shim. */
  void await() throws InterruptedException {
    while (!over.await(UNUSED_LIMIT_SECONDS, TimeUnit.SECONDS)) {
      if (!used) {
        return;
      }
    }
  }
}
