package dev.casemate.ocicli;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** All commands, in the order of the help. */
final class Commands {
  static final List<Command> ALL =
      List.of(
          new CreateCommand(),
          new StartCommand(),
          new RunCommand(),
          new ExecCommand(),
          new StateCommand(),
          new ListCommand(),
          new PsCommand(),
          new KillCommand(),
          new DeleteCommand(),
          new PauseCommand(),
          new ResumeCommand(),
          new CheckpointCommand(),
          new RestoreCommand(),
          new UpdateCommand(),
          new EventsCommand(),
          new SpecCommand(),
          new FeaturesCommand());

  private Commands() {}

  static @Nullable Command find(String name) {
    for (Command command : ALL) {
      if (command.name().equals(name)) {
        return command;
      }
    }
    return null;
  }
}
