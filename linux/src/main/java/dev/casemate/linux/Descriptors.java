package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;

/** The descriptor table as a whole, for a process that is about to become another program. */
public final class Descriptors {
  private static final int CLOSE_RANGE_CLOEXEC = 4;
  private static final int HIGH = 32;

  private Descriptors() {}

  /**
   * Makes {@code fds} the descriptors 0, 1, 2 … in this order, and closes all others. The first
   * three stay open over exec, the rest does not.
   *
   * @return the new descriptors; the old objects are void
   */
  public static List<Fd> keepOnly(List<Fd> fds) {
    int[] high = new int[fds.size()];
    for (int i = 0; i < high.length; i++) {
      // Above all targets first, so that no source is overwritten by an earlier target.
      high[i] = fds.get(i).duplicate(Math.max(HIGH, high.length)).release();
    }
    List<Fd> kept = new ArrayList<>();
    for (int i = 0; i < high.length; i++) {
      SystemCall.check(
          SystemCall.raw(SystemCall.DUP3, high[i], i, i > 2 ? OpenFlag.CLOSE_ON_EXEC : 0),
          "dup3",
          "fd " + i);
      kept.add(Fd.of(i));
    }
    SystemCall.check(
        SystemCall.raw(SystemCall.CLOSE_RANGE, high.length, 0xffffffffL, 0), "close_range", "");
    return kept;
  }

  /** Copies {@code from} to 0, 1 and 2. */
  public static void standardStreams(Fd from) {
    for (int i = 0; i < 3; i++) {
      SystemCall.check(SystemCall.raw(SystemCall.DUP3, from.number(), i, 0), "dup3", "fd " + i);
    }
  }

  /** Closes all descriptors from {@code first} on: what a caller forgot to close ends here. */
  public static void closeFrom(int first) {
    SystemCall.check(
        SystemCall.raw(SystemCall.CLOSE_RANGE, first, 0xffffffffL, 0), "close_range", "");
  }

  /** Marks all descriptors from {@code first} on close-on-exec. */
  public static void closeOnExecFrom(int first) {
    SystemCall.check(
        SystemCall.raw(SystemCall.CLOSE_RANGE, first, 0xffffffffL, CLOSE_RANGE_CLOEXEC),
        "close_range",
        "");
  }
}
