package dev.casemate.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** All commands. */
final class Commands {
  private static final List<Command> VISIBLE =
      List.of(
          new RunCommand(),
          new ExecCommand(),
          new PsCommand(),
          new LogsCommand(),
          new StopCommand(),
          new KillCommand(),
          new WaitCommand(),
          new PauseCommand(true),
          new PauseCommand(false),
          new RmCommand(),
          new InspectCommand(),
          new CpCommand(),
          new StatsCommand(),
          new TopCommand(),
          new PullCommand(),
          new ImagesCommand(),
          new RmiCommand(),
          new GuestCommand(),
          new DoctorCommand(),
          new VersionCommand());

  private static final Command DEMO_IMAGE = new DemoImageCommand();

  private Commands() {}

  static List<Command> visible() {
    return VISIBLE;
  }

  /** A command by its name. */
  static @Nullable Command find(String name) {
    for (Command command : VISIBLE) {
      if (command.name().equals(name)) {
        return command;
      }
    }
    return DEMO_IMAGE.name().equals(name) ? DEMO_IMAGE : null;
  }
}
