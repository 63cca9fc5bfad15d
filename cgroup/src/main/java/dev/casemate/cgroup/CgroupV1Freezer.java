package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import java.util.Optional;

/** Stops and continues the processes of a group (cgroup-v1/freezer-subsystem.rst). */
final class CgroupV1Freezer {
  static final int WAIT_MILLIS = 2000;
  private static final int PAUSE_MILLIS = 1;
  private static final int REFREEZE_ROUNDS = 20;

  private CgroupV1Freezer() {}

  /**
   * Freezes; the kernel catches all processes that there are at one moment, and those that are
   * being forked are caught with another write. One that waits on a frozen one may hold the state
   * at FREEZING: letting go for a moment gets it through.
   */
  static boolean freeze(String directory) {
    String file = directory + "/freezer.state";
    long deadline = System.nanoTime() + WAIT_MILLIS * 1_000_000L;
    for (int round = 0; ; round++) {
      if (round > 0 && round % REFREEZE_ROUNDS == 0) {
        FileContent.writeControl(file, "THAWED");
      }
      FileContent.writeControl(file, "FROZEN");
      if (FileContent.readString(file, 64).startsWith("FROZEN")) {
        return true;
      }
      if (System.nanoTime() > deadline) {
        return false;
      }
      pause();
    }
  }

  /** Waits a moment for processes to get on. */
  static void pause() {
    Poll.await(new int[] {-1}, new int[] {0}, PAUSE_MILLIS);
  }

  /** The same; false, too, if the kernel refuses it. */
  static boolean tryFreeze(String directory) {
    try {
      return freeze(directory);
    } catch (LinuxException e) {
      return false;
    }
  }

  /** Lets the processes go on; a group that is gone is fine. */
  static void thaw(Optional<String> freezer) {
    if (freezer.isEmpty()) {
      return;
    }
    try {
      FileContent.writeControl(freezer.get() + "/freezer.state", "THAWED");
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENODEV) {
        throw Failures.of("thawing cgroup " + freezer.get(), e);
      }
    }
  }
}
