package dev.casemate.commandline;

import java.util.List;

/** Lays out help: usage lines, and lists of commands and options in two columns. */
public final class HelpText {
  private static final int INDENT = 2;
  private static final int OPTION_COLUMN = 34;

  private final StringBuilder text = new StringBuilder();

  /** A command's help: its usage line, its summary and its options. */
  public static String of(String program, CommandSyntax command) {
    return new HelpText()
        .paragraph(
            "Usage: "
                + program
                + " "
                + command.name()
                + (command.options().isEmpty() ? "" : " [OPTION…]")
                + (command.usage().isEmpty() ? "" : " " + command.usage())
                + "\n\n"
                + command.summary()
                + "\n")
        .options(command.options())
        .text();
  }

  /** Lines of prose, each with its line feed. */
  public HelpText paragraph(String lines) {
    text.append(lines);
    return this;
  }

  /** The commands under a heading. */
  public HelpText commands(List<? extends CommandSyntax> commands) {
    int width = 0;
    for (CommandSyntax command : commands) {
      width = Math.max(width, command.name().length());
    }
    text.append("\nCommands:\n");
    for (CommandSyntax command : commands) {
      row(command.name(), command.summary(), 2 * INDENT + width);
    }
    return this;
  }

  /** The options under a heading, or nothing if there are none. */
  public HelpText options(List<Option> options) {
    if (!options.isEmpty()) {
      text.append("\nOptions:\n");
    }
    for (Option option : options) {
      row(option.synopsis(), option.help(), OPTION_COLUMN);
    }
    return this;
  }

  public String text() {
    return text.toString();
  }

  /** One entry; an explanation that does not fit beside it follows on a line of its own. */
  private void row(String entry, String explanation, int column) {
    text.repeat(' ', INDENT).append(entry);
    int width = INDENT + entry.length();
    if (width + INDENT > column) {
      text.append('\n');
      width = 0;
    }
    text.repeat(' ', column - width).append(explanation).append('\n');
  }
}
