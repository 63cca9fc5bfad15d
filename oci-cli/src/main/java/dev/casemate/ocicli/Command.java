package dev.casemate.ocicli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.CommandSyntax;

/** One of the command line's commands. */
interface Command extends CommandSyntax {
  /** The exit status if it fails. */
  default int failure() {
    return 1;
  }

  /** Runs the command; returns the process's exit status. */
  int run(Arguments arguments, Session session);
}
