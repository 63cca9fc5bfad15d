package dev.casemate.agent;

import dev.casemate.cell.CellProcess;
import dev.casemate.cell.Stdio;
import dev.casemate.linux.Fd;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.protocol.agent.ExecProcessRequest;
import dev.casemate.specmapping.SpecMapping;
import java.util.List;

/** {@code ExecProcess}: one more process in a container. */
final class ExecProcess {
  private ExecProcess() {}

  static void handle(Agent agent, ExecProcessRequest request, Answer answer) {
    GuestContainer container = agent.containers().find(request.containerId());
    if ((request.stdinPort() | request.stdoutPort() | request.stderrPort()) != 0) {
      throw Failures.invalid(
          "streams over ports are not supported; use ReadStdout, ReadStderr and WriteStdin");
    }
    if (container.init().hasEnded()) {
      throw Failures.precondition("container " + container.id() + " is not running");
    }
    container.reserve(request.execId());
    ProcessSpec process =
        NamedUser.apply(
            SpecMapping.fromMessage(
                request.process().orElseThrow(() -> Failures.invalid("the request has no process")),
                request.processRest()),
            request.stringUser(),
            container.rootPath());
    CellProcess started;
    GuestProcess made;
    if (process.terminal()) {
      started = container.cell().exec(process, new Stdio.Terminal());
      Fd master =
          started
              .terminal()
              .orElseThrow(() -> new IllegalStateException("the engine did not create a terminal"));
      made = GuestProcess.ofTerminal(agent.loop(), request.execId(), started.pid(), master);
    } else {
      try (ProcessPipes pipes = new ProcessPipes()) {
        List<Fd> far = pipes.far();
        started =
            container.cell().exec(process, new Stdio.Pipes(far.get(0), far.get(1), far.get(2)));
        made = GuestProcess.ofPipes(agent.loop(), request.execId(), started.pid(), pipes);
      }
    }
    container.add(made);
    for (String warning : started.warnings()) {
      agent.console().warn("process " + request.execId() + ": " + warning);
    }
    answer.ok(Services.EMPTY);
  }
}
