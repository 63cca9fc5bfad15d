package dev.casemate.cellcli;

import dev.casemate.linux.Processes;
import dev.casemate.ocicli.CommandLine;
import java.util.List;

/** {@code casemate-cell} as an executable of its own. */
public final class Main {
  /** The role's name, which is the program's. */
  public static final String ROLE = "casemate-cell";

  private Main() {}

  public static void main(String[] arguments) {
    Processes.exit(run(List.of(arguments)));
  }

  /** Runs a command line of {@code casemate-cell}; returns the exit status. */
  public static int run(List<String> words) {
    return CommandLine.run(ROLE, words, CellEngine::new);
  }
}
