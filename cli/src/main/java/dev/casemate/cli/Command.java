package dev.casemate.cli;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.CommandSyntax;

/** One of the commands for people. */
interface Command extends CommandSyntax {
  /** Runs the command; returns the process's exit status. */
  int run(Arguments arguments);
}
