package dev.casemate.cell;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;

/**
 * Lets a container's first process end by signals while it waits for its start. Where it is the
 * first of a pid namespace, the kernel drops those that have their default action; so they are
 * blocked and read meanwhile. The command has them as they were.
 */
final class EndingSignals {
  private static final int COUNT = 64;

  private final Fd descriptor;

  private EndingSignals(Fd descriptor) {
    this.descriptor = descriptor;
  }

  /** Whether a signal ends a process that does nothing about it, and can be blocked. */
  static boolean ends(int signal) {
    return switch (signal) {
      case Signals.KILL,
          Signals.CHLD,
          Signals.CONT,
          Signals.STOP,
          Signals.TSTP,
          Signals.TTIN,
          Signals.TTOU,
          Signals.URG,
          Signals.WINCH ->
          false;
      default -> signal > 0 && signal <= COUNT;
    };
  }

  private static int[] all() {
    int count = 0;
    for (int signal = 1; signal <= COUNT; signal++) {
      count += ends(signal) ? 1 : 0;
    }
    int[] signals = new int[count];
    for (int signal = 1, at = 0; signal <= COUNT; signal++) {
      if (ends(signal)) {
        signals[at++] = signal;
      }
    }
    return signals;
  }

  /** From now on, signals wait for {@link #await} or {@link #release}. */
  static EndingSignals hold() {
    int[] signals = all();
    Signals.block(signals);
    return new EndingSignals(Signals.descriptor(true, signals));
  }

  /** Waits until there is something to read; a signal ends the process. */
  void await(Fd fd) {
    int[] fds = {fd.number(), descriptor.number()};
    while (true) {
      int[] ready = Poll.await(fds, new int[] {Poll.IN, Poll.IN}, -1);
      endBySignal();
      if (ready[0] != 0) {
        return;
      }
    }
  }

  /** Ends by a signal that has come up to now; later ones do what they do to the command. */
  void release() {
    endBySignal();
    descriptor.close();
    Signals.unblockAll();
  }

  private void endBySignal() {
    int signal = Signals.read(descriptor);
    if (signal == Fd.WOULD_BLOCK) {
      return;
    }
    Child.resetSignals();
    Processes.killIfExists(Processes.currentPid(), signal);
    // Still there: the first process of a pid namespace. Shells report a signal like this.
    Processes.exit(128 + signal);
  }
}
