package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.protocol.agent.SignalProcessRequest;

/** {@code SignalProcess}: to one process, or KILL to all of a container. */
final class SignalProcess {
  private static final int HIGHEST = 64;

  private SignalProcess() {}

  static void handle(Agent agent, SignalProcessRequest request, Answer answer) {
    GuestContainer container = agent.containers().find(request.containerId());
    int signal = request.signal();
    if (signal < 0 || signal > HIGHEST) {
      throw Failures.invalid("unknown signal: " + signal);
    }
    if (request.execId().isEmpty() && signal == Signals.KILL) {
      container.cell().signalAll(Signals.KILL);
      answer.ok(Services.EMPTY);
      return;
    }
    GuestProcess process = container.process(request.execId());
    if (process.hasEnded()) {
      throw Failures.precondition(
          "process " + process.execId() + " of container " + container.id() + " has ended");
    }
    if (process == container.init() && asksToEnd(signal) && isLost(process.pid(), signal)) {
      signal = Signals.KILL;
    }
    // Not reaped yet, so the pid is still this process's.
    Processes.kill(process.pid(), signal);
    answer.ok(Services.EMPTY);
  }

  /** What a user means who presses Ctrl-C, or whose terminal goes away. */
  private static boolean asksToEnd(int signal) {
    return signal == Signals.TERM
        || signal == Signals.INT
        || signal == Signals.HUP
        || signal == Signals.QUIT;
  }

  /** The first process of a PID namespace never sees a signal that it has no handler for. */
  private static boolean isLost(int pid, int signal) {
    try {
      return ProcText.isLostOnInit(
          FileContent.readString("/proc/" + pid + "/status", 64 * 1024), signal);
    } catch (LinuxException e) {
      return false;
    }
  }
}
