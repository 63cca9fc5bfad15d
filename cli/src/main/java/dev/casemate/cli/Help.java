package dev.casemate.cli;

/** The help texts, made from what the commands say of themselves. */
final class Help {
  private Help() {}

  static String overview() {
    StringBuilder text = new StringBuilder();
    text.append(
        """
        Casemate runs every container inside a virtual machine of its own.

        Usage: casemate COMMAND [OPTION…] [ARGUMENT…]

        Commands:
        """);
    int width = 0;
    for (Command command : Commands.visible()) {
      width = Math.max(width, command.name().length());
    }
    for (Command command : Commands.visible()) {
      pad(text.append("  "), command.name(), width + 2).append(command.summary()).append('\n');
    }
    text.append(
        """

        IMAGE is a registry reference (debian:12, localhost:5000/app@sha256:…), oci:DIR[:TAG],
        oci-archive:FILE[:TAG], docker-archive:FILE[:REFERENCE] or rootfs:DIR.

        Help for one command: casemate COMMAND --help
        Is this machine fit? casemate doctor
        """);
    return text.toString();
  }

  static String of(Command command) {
    StringBuilder text = new StringBuilder();
    text.append("Usage: casemate ").append(command.name());
    if (!command.options().isEmpty()) {
      text.append(" [OPTION…]");
    }
    text.append(' ').append(command.usage()).append("\n\n").append(command.summary()).append("\n");
    if (!command.options().isEmpty()) {
      text.append("\nOptions:\n");
      for (Option option : command.options()) {
        String name =
            (option.letter() == 0 ? "      " : "  -" + option.letter() + ", ")
                + "--"
                + option.name()
                + (option.isSwitch() ? "" : " " + option.value());
        pad(text, name, 34).append(option.help()).append('\n');
      }
    }
    return text.toString();
  }

  private static StringBuilder pad(StringBuilder text, String word, int width) {
    return text.append(word).repeat(' ', Math.max(2, width - word.length()));
  }
}
