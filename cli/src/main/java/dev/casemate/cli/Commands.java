package dev.casemate.cli;

import dev.casemate.commandline.HelpText;
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
          new TemplateCommand(),
          new DoctorCommand(),
          new VersionCommand());

  private static final Command DEMO_IMAGE = new DemoImageCommand();

  private Commands() {}

  static List<Command> visible() {
    return VISIBLE;
  }

  /** The help for all of them. */
  static String help() {
    return new HelpText()
        .paragraph(
            """
            Casemate runs every container inside a virtual machine of its own.

            Usage: casemate COMMAND [OPTION…] [ARGUMENT…]
            """)
        .commands(VISIBLE)
        .paragraph(
            """

            IMAGE is a registry reference (debian:12, localhost:5000/app@sha256:…), oci:DIR[:TAG],
            oci-archive:FILE[:TAG], docker-archive:FILE[:REFERENCE] or rootfs:DIR.

            Help for one command: casemate COMMAND --help
            Check this machine: casemate doctor
            """)
        .text();
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
