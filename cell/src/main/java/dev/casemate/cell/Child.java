package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.SystemCall;
import java.util.ArrayList;
import java.util.List;

/** What every process does first after its fork: it sheds what it has of the engine. */
final class Child {
  private static final int PR_SET_DUMPABLE = 4;
  private static final int SIGNALS = 64;

  private Child() {}

  /** What a child does with its end of the channel and the descriptors that it was given. */
  interface Body {
    void run(SyncChannel channel, List<Fd> given);
  }

  /**
   * Runs a child's work and ends the process; an exception goes to the engine.
   *
   * @param stdio three descriptors
   * @param preserved what the command gets as 3, 4, …; close-on-exec until the exec
   * @param given further ones that the work needs; all others are closed
   */
  static void run(
      SyncChannel channel, List<Fd> stdio, List<Fd> preserved, List<Fd> given, Body body) {
    SyncChannel own = channel;
    try {
      resetSignals();
      List<Fd> keep = new ArrayList<>(stdio);
      keep.addAll(preserved);
      int at = keep.size();
      keep.add(channel.socket());
      keep.addAll(given);
      List<Fd> kept = Descriptors.keepOnly(keep);
      own = new SyncChannel(kept.get(at));
      body.run(own, kept.subList(at + 1, kept.size()));
    } catch (CasemateException e) {
      report(own, e);
    } catch (LinuxException e) {
      report(own, Failures.of("container process", e));
    } catch (Throwable e) {
      report(own, CasemateException.of(CasemateException.Kind.INTERNAL, "container process: " + e));
    }
    Processes.exit(1);
  }

  private static void report(SyncChannel channel, CasemateException e) {
    try {
      channel.sendError(e);
    } catch (RuntimeException gone) {
      Processes.exit(2);
    }
  }

  /** Default actions and an empty mask: the engine's ignored and blocked signals are its own. */
  static void resetSignals() {
    try (NativeBuffer action = NativeBuffer.allocate(32)) {
      for (int signal = 1; signal <= SIGNALS; signal++) {
        SystemCall.raw(SystemCall.RT_SIGACTION, signal, action.address(), 0, 8);
      }
    }
    Signals.unblockAll();
  }

  /** Keeps processes of the container from looking into this one before its exec. */
  static void hide() {
    SystemCall.raw(SystemCall.PRCTL, PR_SET_DUMPABLE, 0);
  }
}
