package dev.casemate.cell;

import dev.casemate.linux.Fd;

/** Where a process's standard streams lead. */
public sealed interface Stdio {
  /**
   * Descriptors that the process gets as 0, 1 and 2. They stay the caller's: it closes its own ones
   * once the process has been made.
   */
  record Pipes(Fd in, Fd out, Fd err) implements Stdio {}

  /**
   * A new terminal of the container's own devpts; {@link CellProcess#terminal()} is its master. The
   * size is that of the process's {@code consoleSize}.
   *
   * @param plainLines whether lines end with LF alone: for output that goes to a file or a program;
   *     a terminal wants CR LF
   */
  record Terminal(boolean plainLines) implements Stdio {
    /** A terminal whose lines end as those of any other do. */
    public Terminal() {
      this(false);
    }
  }
}
