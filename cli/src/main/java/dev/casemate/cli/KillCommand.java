package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.commandline.UsageException;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerState.Phase;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.linux.Signals;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/** {@code casemate kill}: sends a signal to containers. */
final class KillCommand implements Command {
  @Override
  public String name() {
    return "kill";
  }

  @Override
  public String usage() {
    return "CONTAINER…";
  }

  @Override
  public String summary() {
    return "send a signal to containers";
  }

  @Override
  public List<Option> options() {
    return List.of(Option.value("signal", 's', "SIGNAL", "name or number (default: KILL)"));
  }

  @Override
  public int run(Arguments arguments) {
    int signal = signal(arguments.last("signal", "KILL"));
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    return EachContainer.run(
        arguments,
        reference -> {
          ContainerRecord record = store.find(reference);
          if (record.state().phase() != Phase.PAUSED || signal != Signals.KILL) {
            ExecCommand.requireRunning(record);
          }
          try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
            client.kill("", signal, signal == Signals.KILL);
          }
          Console.outLine(reference);
        });
  }

  /** The number of a signal that the user named. */
  static int signal(String text) {
    int signal = Signals.number(text);
    if (signal <= 0) {
      throw new UsageException(
          "signal \"" + text + "\" is unknown; use a name such as TERM, or a number from 1 to 64");
    }
    return signal;
  }
}
