package dev.casemate.casemate;

import dev.casemate.containers.SandboxProcess;
import dev.casemate.linux.Descriptors;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Text;
import dev.casemate.shim.ShimMain;
import java.util.List;

/** One executable, several roles: the name under which it was started picks one. */
public final class Main {
  /** {@code casemate cell …} is {@code casemate-cell …}, for installations without that link. */
  private static final String CELL = "cell";

  private static final int FIRST_INHERITED = 3;
  private static final int COMMAND_LINE_LIMIT = 4 << 20;

  private Main() {}

  /** Runs the role and ends the process with its status. */
  public static void main(String[] arguments) {
    List<String> words = List.of(arguments);
    int status =
        switch (role()) {
          case SandboxProcess.ROLE -> SandboxProcess.main(words);
          case ShimMain.ROLE -> ShimMain.main(words);
          // --preserve-fds: what a container inherits is the caller's choice.
          case dev.casemate.cellcli.Main.ROLE -> dev.casemate.cellcli.Main.run(words);
          default ->
              !words.isEmpty() && words.getFirst().equals(CELL)
                  ? dev.casemate.cellcli.Main.run(words.subList(1, words.size()))
                  : people(words);
        };
    // No shutdown hooks, no waiting for threads: the command has closed what it had opened.
    Processes.exit(status);
  }

  private static int people(List<String> words) {
    // What the caller's shell has open must not come as far as a VMM.
    Descriptors.closeOnExecFrom(FIRST_INHERITED);
    return dev.casemate.cli.Main.run(words);
  }

  /** The last component of argv[0]. */
  private static String role() {
    List<String> commandLine =
        Text.split(FileContent.readString("/proc/self/cmdline", COMMAND_LINE_LIMIT), '\0');
    String program = commandLine.isEmpty() ? "" : commandLine.getFirst();
    return program.substring(program.lastIndexOf('/') + 1);
  }
}
