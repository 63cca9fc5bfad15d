package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Signals;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate stop}: asks containers to end, and kills those that do not. */
final class StopCommand implements Command {
  private static final int KILL_TIMEOUT_MILLIS = 20_000;

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
    return "end containers: ask with a signal, kill after a while";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.value("time", 't', "SECONDS", "how long to wait before killing (default: 10)"),
        Option.value("signal", 's', "SIGNAL", "what to ask with (default: TERM, or the image's)"));
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
      if (timeoutMillis > 0 && ask(client, signal) && client.awaitGone(timeoutMillis)) {
        return;
      }
      ask(client, Signals.KILL);
      if (!client.awaitGone(KILL_TIMEOUT_MILLIS)) {
        throw CasemateException.of(
            CasemateException.Kind.TIMEOUT,
            "container "
                + record.config().name()
                + " did not end within "
                + KILL_TIMEOUT_MILLIS / 1000
                + " s of SIGKILL; its sandbox process is "
                + record.state().pid()
                + "; remove it by force with: casemate rm -f "
                + record.config().name());
      }
    } catch (CasemateException e) {
      if (e.kind() != CasemateException.Kind.FAILED_PRECONDITION) {
        throw e;
      }
    }
  }

  private static boolean ask(SandboxClient client, int signal) {
    try {
      client.kill("", signal, signal == Signals.KILL);
      return true;
    } catch (CasemateException e) {
      // Not running any more, or not yet, or the guest does not answer: awaitGone tells.
      return false;
    }
  }
}
