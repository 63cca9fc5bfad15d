package dev.casemate.cell;

import dev.casemate.linux.Seccomp;

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

  int flags() {
    return flags;
  }

  boolean hasListener() {
    return (flags & Seccomp.FLAG_NEW_LISTENER) != 0;
  }

  /** The program as {@code struct sock_filter}s. */
  byte[] bytes() {
    byte[] bytes = new byte[8 * program.length];
    for (int i = 0; i < program.length; i++) {
      long word = program[i];
      SmallProgram.putShort(bytes, 8 * i, (int) (word >>> 48));
      bytes[8 * i + 2] = (byte) (word >>> 40);
      bytes[8 * i + 3] = (byte) (word >>> 32);
      SmallProgram.putInt(bytes, 8 * i + 4, (int) word);
    }
    return bytes;
  }
}
