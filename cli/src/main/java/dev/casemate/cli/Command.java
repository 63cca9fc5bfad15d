package dev.casemate.cli;

import java.util.List;

/** One of the commands for people. */
interface Command {
  String name();

  /** What follows the name in the usage line. */
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

  /** Runs the command; returns the process's exit status. */
  int run(Arguments arguments);
}
