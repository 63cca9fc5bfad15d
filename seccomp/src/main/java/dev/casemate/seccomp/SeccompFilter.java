package dev.casemate.seccomp;

import dev.casemate.linux.Seccomp;

/** A compiled filter, ready to be installed. */
public final class SeccompFilter {
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

  public long[] program() {
    return program;
  }

  public int flags() {
    return flags;
  }

  public boolean hasListener() {
    return (flags & Seccomp.FLAG_NEW_LISTENER) != 0;
  }

  /** The program as {@code struct sock_filter}s. */
  public byte[] bytes() {
    byte[] bytes = new byte[8 * program.length];
    for (int i = 0; i < program.length; i++) {
      long word = program[i];
      bytes[8 * i] = (byte) (word >>> 48);
      bytes[8 * i + 1] = (byte) (word >>> 56);
      bytes[8 * i + 2] = (byte) (word >>> 40);
      bytes[8 * i + 3] = (byte) (word >>> 32);
      bytes[8 * i + 4] = (byte) word;
      bytes[8 * i + 5] = (byte) (word >>> 8);
      bytes[8 * i + 6] = (byte) (word >>> 16);
      bytes[8 * i + 7] = (byte) (word >>> 24);
    }
    return bytes;
  }
}
