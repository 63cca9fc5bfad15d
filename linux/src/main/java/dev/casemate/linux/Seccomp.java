package dev.casemate.linux;

import java.util.Optional;

/** {@code seccomp(2)}. */
public final class Seccomp {
  public static final int FLAG_LOG = 2;
  public static final int FLAG_SPEC_ALLOW = 4;
  public static final int FLAG_NEW_LISTENER = 8;
  public static final int FLAG_WAIT_KILLABLE_RECV = 32;

  /** Instructions that a filter may have, {@code BPF_MAXINSNS}. */
  public static final int LIMIT = 4096;

  private static final int SET_MODE_FILTER = 1;
  private static final int PR_SET_NO_NEW_PRIVS = 38;

  private Seccomp() {}

  /** {@code prctl(PR_SET_NO_NEW_PRIVS)}: exec gives no privileges from now on. */
  public static void noNewPrivileges() {
    SystemCall.check(
        SystemCall.raw(SystemCall.PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        "prctl(PR_SET_NO_NEW_PRIVS)",
        "");
  }

  /**
   * Installs a filter on the calling thread.
   *
   * @param program classic BPF: {@code (code << 48) | (jt << 40) | (jf << 32) | k} each
   * @return the listener, if {@link #FLAG_NEW_LISTENER} is given
   */
  public static Optional<Fd> install(long[] program, int flags) {
    try (NativeBuffer code = NativeBuffer.allocate(8 * program.length);
        NativeBuffer header = NativeBuffer.allocate(16)) {
      for (int i = 0; i < program.length; i++) {
        long word = program[i];
        code.putShort(8 * i, (int) (word >>> 48))
            .putByte(8 * i + 2, (int) (word >>> 40))
            .putByte(8 * i + 3, (int) (word >>> 32))
            .putInt(8 * i + 4, (int) word);
      }
      header.putShort(0, program.length).putLong(8, code.address());
      long r =
          SystemCall.check(
              SystemCall.raw(SystemCall.SECCOMP, SET_MODE_FILTER, flags, header.address()),
              "seccomp",
              "filter of " + program.length + " instructions");
      return (flags & FLAG_NEW_LISTENER) != 0 ? Optional.of(Fd.of((int) r)) : Optional.empty();
    }
  }
}
