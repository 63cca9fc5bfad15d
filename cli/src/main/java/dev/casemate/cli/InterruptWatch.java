package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Signals;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets a command that blocks tidy up when a signal ends it. The signals must be blocked, by {@link
 * #blockSignals}, before the process starts its first thread.
 */
final class InterruptWatch implements AutoCloseable {
  private static final int[] ENDING = {Signals.INT, Signals.TERM, Signals.HUP};

  private final Fd signals = Signals.descriptor(true, ENDING);
  private final Fd stop = EventFd.open();
  private final Runnable tidy;
  private final Thread thread;
  private volatile boolean fired;

  static void blockSignals() {
    Signals.block(ENDING);
  }

  /** Runs {@code tidy} on a thread of its own when a signal arrives, then ends the process. */
  InterruptWatch(Runnable tidy) {
    this.tidy = tidy;
    this.thread = new Thread(null, this::watch, "interrupt", 256 * 1024);
    thread.setDaemon(true);
    thread.start();
  }

  private void watch() {
    int[] ready =
        Poll.await(new int[] {signals.number(), stop.number()}, new int[] {Poll.IN, Poll.IN}, -1);
    int signal = ready[0] == 0 ? Fd.WOULD_BLOCK : Signals.read(signals);
    if (signal == Fd.WOULD_BLOCK) {
      return;
    }
    fired = true;
    try {
      tidy.run();
    } catch (CasemateException e) {
      // What was to be tidied up has gone by itself.
    }
    System.exit(128 + signal);
  }

  /** What fails because of the signal is no news: the process ends in a moment. */
  void holdIfFired() {
    while (fired) {
      LockSupport.park();
    }
  }

  @Override
  public void close() {
    holdIfFired();
    EventFd.signal(stop);
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    stop.close();
    signals.close();
  }
}
