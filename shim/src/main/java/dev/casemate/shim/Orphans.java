package dev.casemate.shim;

import dev.casemate.linux.Children;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;

/**
 * Waits for the orphans of what the shim starts, such as a logging program's children, so that they
 * do not stay as zombies for as long as the pod is there.
 */
final class Orphans implements Runnable {
  /** A child with a waiting caller may precede an orphan for this long. */
  private static final int RETRY_MILLIS = 100;

  private static final int RETRIES = 50;

  private final Fd signals;
  private final ShimLog log;

  private Orphans(Fd signals, ShimLog log) {
    this.signals = signals;
    this.log = log;
  }

  /** Makes this process their parent; before it starts its first thread. */
  static void adopt() {
    Processes.childSubreaper();
    Signals.block(Signals.CHLD);
  }

  static Orphans reaper(ShimLog log) {
    return new Orphans(Signals.descriptor(true, Signals.CHLD), log);
  }

  @Override
  public void run() {
    int retries = 0;
    while (true) {
      int ready = Poll.await(signals, Poll.IN, retries > 0 ? RETRY_MILLIS : -1);
      if (ready != 0) {
        Signals.read(signals);
      }
      try {
        boolean more = Children.reapOrphans();
        retries = !more ? 0 : ready != 0 ? RETRIES : retries - 1;
      } catch (LinuxException e) {
        log.warn("cannot wait for orphaned processes: " + e.getMessage());
        return;
      }
    }
  }
}
