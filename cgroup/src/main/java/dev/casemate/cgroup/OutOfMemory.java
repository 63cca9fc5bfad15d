package dev.casemate.cgroup;

import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import java.util.List;
import java.util.Optional;

/** How willingly the kernel kills the calling process when memory runs out. */
public final class OutOfMemory {
  private OutOfMemory() {}

  /** Writes the score; the container runs even if lowering it is not permitted. */
  public static void adjust(Optional<Integer> score, List<String> warnings) {
    if (score.isEmpty()) {
      return;
    }
    try {
      FileContent.writeControl("/proc/self/oom_score_adj", Integer.toString(score.get()));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EACCES && e.errno() != Errno.EPERM) {
        throw e;
      }
      warnings.add(
          "oomScoreAdj "
              + score.get()
              + " is not set: lowering it needs CAP_SYS_RESOURCE, which the runtime does not have");
    }
  }
}
