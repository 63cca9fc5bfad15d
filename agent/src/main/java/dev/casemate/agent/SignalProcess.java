package dev.casemate.agent;

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
    // As it is, also to the first process of a PID namespace, which the kernel spares a signal
    // without a handler. Whether it waits for one (sigwait, signalfd) cannot be seen from outside.
    // Not reaped yet, so the pid is still this process's.
    Processes.kill(process.pid(), signal);
    answer.ok(Services.EMPTY);
  }
}
