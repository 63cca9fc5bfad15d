package dev.casemate.ocicli;

import dev.casemate.commandline.HelpText;
import dev.casemate.commandline.Option;
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

  /** The help for all of them. */
  static String help(String program, List<Option> options) {
    return new HelpText()
        .paragraph("Usage: " + program + " [OPTION…] COMMAND [ARGUMENT…]\n\n")
        .paragraph(
            "Runs containers according to the OCI runtime specification, with runc's command line.\n")
        .commands(ALL)
        .options(options)
        .paragraph("\nOptions of a command: " + program + " COMMAND --help\n")
        .text();
  }

  static @Nullable Command find(String name) {
    for (Command command : ALL) {
      if (command.name().equals(name)) {
        return command;
      }
    }
    return null;
  }
}
