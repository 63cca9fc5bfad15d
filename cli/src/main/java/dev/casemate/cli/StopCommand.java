package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate stop}: asks containers to end, and kills those that do not. */
final class StopCommand implements Command {
  @Override
  public String name() {
    return "stop";
  }

  @Override
  public String usage() {
    return "CONTAINER…";
  }

  @Override
  public String summary() {
    return "stop containers: send a signal, then kill after a timeout";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("time", 't', "SECONDS", "how long to wait before killing (default: 10)"),
        Option.value("signal", 's', "SIGNAL", "signal to send (default: the image's, or TERM)"));
  }

  @Override
  public int run(Arguments arguments) {
    // Looked at before any container is: a mistyped option should stop nothing.
    int given = arguments.number("time", -1, 0, 86_400);
    arguments.last("signal").ifPresent(KillCommand::signal);
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    return EachContainer.run(
        arguments,
        reference -> {
          ContainerRecord record = store.find(reference);
          int seconds = given < 0 ? record.config().stopTimeoutSeconds() : given;
          int signal = KillCommand.signal(arguments.last("signal", record.config().stopSignal()));
          stop(store, record, signal, seconds * 1000);
          Console.outLine(reference);
        });
  }

  /** Ends a container; one that has ended already is fine. */
  static void stop(ContainerStore store, ContainerRecord record, int signal, int timeoutMillis) {
    if (!record.state().alive()) {
      return;
    }
    try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
      client.stop(record, signal, timeoutMillis);
    } catch (CasemateException e) {
      if (e.kind() != CasemateException.Kind.FAILED_PRECONDITION) {
        throw e;
      }
    }
  }
}
