package dev.casemate.ocicli;

import java.util.List;

/** One of the command line's commands. */
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

  /** The exit status if it fails. */
  default int failure() {
    return 1;
  }

  /** Runs the command; returns the process's exit status. */
  int run(Arguments arguments, Session session);
}
