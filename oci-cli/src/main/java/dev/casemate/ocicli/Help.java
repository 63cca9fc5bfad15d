package dev.casemate.ocicli;

import java.util.List;

/** What {@code --help} says. */
final class Help {
  private static final int COLUMN = 34;

  private Help() {}

  static String overview(String program, List<Option> options) {
    StringBuilder text = new StringBuilder();
    text.append("usage: ").append(program).append(" [OPTION]… COMMAND [ARGUMENT]…\n\n");
    text.append(
        "Runs containers as the OCI runtime specification says, with runc's command line.\n");
    text.append("\nCommands:\n");
    for (Command command : Commands.ALL) {
      line(text, "  " + command.name(), command.summary());
    }
    text.append("\nOptions:\n");
    options(text, options);
    text.append("\nOptions of a command: ").append(program).append(" COMMAND --help\n");
    return text.toString();
  }

  static String of(String program, Command command) {
    StringBuilder text = new StringBuilder();
    text.append("usage: ").append(program).append(' ').append(command.name());
    text.append(command.options().isEmpty() ? "" : " [OPTION]…");
    text.append(' ').append(command.usage()).append("\n\n");
    text.append(command.summary()).append('\n');
    if (!command.options().isEmpty()) {
      text.append("\nOptions:\n");
      options(text, command.options());
    }
    return text.toString();
  }

  private static void options(StringBuilder text, List<Option> options) {
    for (Option option : options) {
      String left =
          "  "
              + (option.letter() == 0 ? "" : "-" + option.letter() + ", ")
              + "--"
              + option.name()
              + (option.isSwitch() ? "" : " " + option.value());
      line(text, left, option.help());
    }
  }

  private static void line(StringBuilder text, String left, String right) {
    text.append(left);
    if (left.length() >= COLUMN) {
      text.append('\n');
    }
    for (int i = left.length() >= COLUMN ? 0 : left.length(); i < COLUMN; i++) {
      text.append(' ');
    }
    text.append(right).append('\n');
  }
}
