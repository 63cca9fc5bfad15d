package dev.casemate.linux;

import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntSupplier;

/**
 * The children of this process. The caller of {@link Spawn} waits for the children it started; the
 * others are orphaned descendants, which the kernel gave to this process as their reaper ({@link
 * Processes#childSubreaper}).
 */
public final class Children {
  private static final int ALL = 0;
  private static final int EXITED = 4;
  private static final int NO_WAIT = 0x01000000;
  private static final int INFO_BYTES = 128;
  private static final int INFO_PID = 16;

  /** Guarded by the class. */
  private static final Set<Integer> STARTED = new HashSet<>();

  private Children() {}

  /** Has the class loaded: a caller without a file system could not do it later. */
  static synchronized void load() {}

  /**
   * Runs a posix_spawn, which writes the child's pid. Who looks for orphans must not meet a child
   * that is not entered yet: one of the two at a time.
   *
   * @return what it returns: 0, or an errno
   */
  static synchronized int start(NativeBuffer pid, IntSupplier spawn) {
    int error = spawn.getAsInt();
    if (error == 0) {
      STARTED.add(pid.getInt(0));
    }
    return error;
  }

  static synchronized void waitedFor(int pid) {
    STARTED.remove(pid);
  }

  /**
   * Waits for ended orphans, up to the first child that another caller has yet to wait for.
   *
   * @return whether there was such a child; then more orphans may follow it
   */
  public static synchronized boolean reapOrphans() {
    while (true) {
      Optional<Integer> ended = firstEnded();
      if (ended.isEmpty() || STARTED.contains(ended.get())) {
        return ended.isPresent();
      }
      Processes.waitFor(ended.get(), Processes.WNOHANG);
    }
  }

  /** A child that has ended; it is left to be waited for. */
  private static Optional<Integer> firstEnded() {
    try (NativeBuffer info = NativeBuffer.allocate(INFO_BYTES)) {
      long result =
          SystemCall.raw(
              SystemCall.WAITID, ALL, 0, info.address(), EXITED | NO_WAIT | Processes.WNOHANG, 0);
      if (result == -Errno.ECHILD) {
        return Optional.empty();
      }
      SystemCall.check(result, "waitid", "");
      int pid = info.getInt(INFO_PID);
      return pid == 0 ? Optional.empty() : Optional.of(pid);
    }
  }
}
