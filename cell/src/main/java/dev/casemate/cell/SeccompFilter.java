package dev.casemate.cell;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Seccomp;
import java.util.Optional;

/** A compiled filter, ready to be installed. */
final class SeccompFilter {
  private final long[] program;
  private final int flags;

  /**
   * Takes a program.
   *
   * @param program classic BPF as {@link Seccomp#install} takes it
   * @param flags {@code SECCOMP_FILTER_FLAG_}
   */
  SeccompFilter(long[] program, int flags) {
    this.program = program;
    this.flags = flags;
  }

  long[] program() {
    return program;
  }

  /** Installs it on the calling thread and returns its listener, if it has one. */
  Optional<Fd> install() {
    return Seccomp.install(program, flags);
  }
}
