package dev.casemate.commandline;

import java.util.List;

/** What a command takes and how help presents it; how it runs is each command line's own affair. */
public interface CommandSyntax {
  String name();

  /** What follows the name and the options in the usage line, {@code CONTAINER [COMMAND]}. */
  String usage();

  /** One line for the list of commands. */
  String summary();

  List<Option> options();

  /**
   * Whether options may follow operands; false where these belong to a command inside the
   * container.
   */
  default boolean interspersed() {
    return true;
  }

  /** Whether these words ask for the command's help. */
  default boolean isHelpRequest(List<String> words, Dialect dialect) {
    for (String word : words) {
      if (word.equals("--help") || (word.equals("-h") && dialect == Dialect.GO)) {
        return true;
      }
      if (word.equals("--") || (!interspersed() && !word.startsWith("-"))) {
        return false;
      }
    }
    return false;
  }
}
