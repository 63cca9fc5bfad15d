package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.ResourceLimits;
import dev.casemate.oci.ProcessSpec;
import java.util.List;

/** Resource limits of a process ({@code process.rlimits}). */
final class Rlimits {
  private Rlimits() {}

  static void check(List<ProcessSpec.Rlimit> limits) {
    for (int i = 0; i < limits.size(); i++) {
      String type = limits.get(i).type();
      if (ResourceLimits.number(type) < 0) {
        throw Failures.invalid(
            "process.rlimits: \"" + type + "\" is unknown; use RLIMIT_NOFILE or another name");
      }
      for (int j = 0; j < i; j++) {
        if (limits.get(j).type().equals(type)) {
          throw Failures.invalid("process.rlimits holds " + type + " twice; remove one");
        }
      }
    }
  }

  /** Limits that a process may be too large for as long as the engine's program is in it. */
  private static boolean isLate(ProcessSpec.Rlimit limit, int resource) {
    return (limit.type().equals("RLIMIT_FSIZE")
            || limit.type().equals("RLIMIT_AS")
            || limit.type().equals("RLIMIT_DATA"))
        && Long.compareUnsigned(limit.hard(), ResourceLimits.get(resource).hard()) <= 0;
  }

  /** Leaves those limits to the last steps. */
  static void applyLate(List<ProcessSpec.Rlimit> limits, FinalExec exec) {
    for (ProcessSpec.Rlimit limit : limits) {
      int resource = ResourceLimits.number(limit.type());
      if (isLate(limit, resource)) {
        exec.limit(resource, limit.soft(), limit.hard());
      }
    }
  }

  static boolean hasLate(List<ProcessSpec.Rlimit> limits) {
    for (ProcessSpec.Rlimit limit : limits) {
      if (isLate(limit, ResourceLimits.number(limit.type()))) {
        return true;
      }
    }
    return false;
  }

  /** Sets the limits; where a hard limit may not be raised, the present one stays. */
  static void apply(List<ProcessSpec.Rlimit> limits, List<String> warnings) {
    for (ProcessSpec.Rlimit limit : limits) {
      int resource = ResourceLimits.number(limit.type());
      if (isLate(limit, resource)) {
        continue;
      }
      try {
        ResourceLimits.set(resource, new ResourceLimits.Limit(limit.soft(), limit.hard()));
      } catch (LinuxException e) {
        if (e.errno() != Errno.EPERM) {
          throw Failures.of(limit.type(), e);
        }
        long hard = ResourceLimits.get(resource).hard();
        long soft = Long.compareUnsigned(limit.soft(), hard) < 0 ? limit.soft() : hard;
        ResourceLimits.set(resource, new ResourceLimits.Limit(soft, hard));
        warnings.add(
            limit.type()
                + ": the hard limit "
                + Long.toUnsignedString(limit.hard())
                + " is above what the runtime may set; it stays "
                + Long.toUnsignedString(hard));
      }
    }
  }
}
