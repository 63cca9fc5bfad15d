package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.ResourceLimits;

/**
 * Limits of a container whose specification sets none. The kernel's own depend on the VM's memory
 * and are far below what an engine's service gives: containers inherit the agent's instead. Limits
 * of the specification replace them.
 */
final class Limits {
  /** Of open files: programs that know no better count to the soft limit, others raise it. */
  static final ResourceLimits.Limit OPEN_FILES = new ResourceLimits.Limit(1024, 1 << 20);

  /** The control group of a container bounds its processes. */
  static final ResourceLimits.Limit PROCESSES = new ResourceLimits.Limit(-1, -1);

  private static final String MOST_PIDS = "4194304";

  private Limits() {}

  /** Sets the limits of this process, which all others inherit. */
  static void set(Console console) {
    try {
      ResourceLimits.set(ResourceLimits.number("RLIMIT_NOFILE"), OPEN_FILES);
      ResourceLimits.set(ResourceLimits.number("RLIMIT_NPROC"), PROCESSES);
      FileContent.writeControl("/proc/sys/kernel/pid_max", MOST_PIDS);
    } catch (LinuxException e) {
      // Smaller limits are no reason not to start.
      console.warn("cannot raise the limits of processes", e);
    }
  }
}
