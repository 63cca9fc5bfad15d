package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Console;
import dev.casemate.commandline.Option;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.containers.ContainerStore;
import dev.casemate.containers.SandboxClient;
import dev.casemate.sandbox.SandboxPaths;
import java.util.List;

/**
 * {@code casemate pause} and {@code casemate unpause}: stops and continues all processes of
 * containers.
 */
record PauseCommand(boolean pause) implements Command {
  @Override
  public String name() {
    return pause ? "pause" : "unpause";
  }

  @Override
  public String usage() {
    return "CONTAINER…";
  }

  @Override
  public String summary() {
    return pause
        ? "pause all processes of containers"
        : "resume all processes of paused containers";
  }

  @Override
  public List<Option> options() {
    return List.of();
  }

  @Override
  public int run(Arguments arguments) {
    ContainerStore store = new ContainerStore(SandboxPaths.system());
    return EachContainer.run(
        arguments,
        reference -> {
          ContainerRecord record = store.find(reference);
          if (pause) {
            ExecCommand.requireRunning(record);
          }
          try (SandboxClient client = SandboxClient.connect(store.paths(), record.config().id())) {
            if (pause) {
              client.pause();
            } else {
              client.resume();
            }
          }
          Console.outLine(reference);
        });
  }
}
