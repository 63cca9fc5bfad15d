package dev.casemate.cgroup;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Text;
import java.util.List;
import java.util.Optional;

/** A group with all that are below it, in either version. */
final class CgroupTree {
  private static final int WAIT_MILLIS = 2000;
  private static final int PAUSE_MILLIS = 5;
  private static final int DEPTH_LIMIT = 32;

  private CgroupTree() {}

  /** Adds the pids of a group and of those below it. */
  static void collect(String directory, List<Integer> pids, int depth) {
    Optional<String> procs = CgroupFiles.read(directory + "/cgroup.procs");
    if (procs.isEmpty()) {
      return;
    }
    for (String line : Text.split(procs.get(), '\n')) {
      // 0 stands for a process of another pid namespace.
      if (!line.equals("0")) {
        pids.add(Integer.parseInt(line));
      }
    }
    if (depth < DEPTH_LIMIT) {
      for (String child : CgroupFiles.children(directory)) {
        collect(directory + "/" + child, pids, depth + 1);
      }
    }
  }

  /** Removes a group and those below it; missing is fine. */
  static void delete(String directory, int depth) {
    long deadline = System.nanoTime() + WAIT_MILLIS * 1_000_000L;
    while (true) {
      if (depth < DEPTH_LIMIT) {
        for (String child : CgroupFiles.children(directory)) {
          delete(directory + "/" + child, depth + 1);
        }
      }
      try {
        Fs.removeDirectory(directory);
        return;
      } catch (LinuxException e) {
        if (e.errno() == Errno.ENOENT) {
          return;
        }
        // Processes that were killed a moment ago are still on their way out.
        if (e.errno() != Errno.EBUSY || System.nanoTime() > deadline) {
          throw e;
        }
        Poll.await(new int[] {-1}, new int[] {0}, PAUSE_MILLIS);
      }
    }
  }
}
