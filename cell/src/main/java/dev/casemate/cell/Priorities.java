package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Scheduling;
import dev.casemate.linux.Text;
import dev.casemate.oci.ProcessSpec;
import java.util.ArrayList;
import java.util.List;

/** CPU and I/O scheduling of a process. */
final class Priorities {
  private static final int CPU_LIMIT = 8192;

  private Priorities() {}

  static void apply(ProcessSpec process) {
    if (process.scheduler().isPresent()) {
      Scheduling.set(attributes(process.scheduler().get()));
    }
    if (process.ioPriority().isPresent()) {
      ProcessSpec.IoPriority io = process.ioPriority().get();
      Scheduling.ioPriority(
          switch (io.ioClass()) {
            case "IOPRIO_CLASS_RT" -> 1;
            case "IOPRIO_CLASS_BE" -> 2;
            case "IOPRIO_CLASS_IDLE" -> 3;
            default -> throw unknown("ioPriority.class", io.ioClass());
          },
          io.priority());
    }
  }

  private static RuntimeException unknown(String field, String value) {
    return Failures.invalid("process." + field + " \"" + value + "\" is unknown; correct it");
  }

  private static Scheduling.Attributes attributes(ProcessSpec.Scheduler scheduler) {
    int policy =
        switch (scheduler.policy()) {
          case "SCHED_OTHER" -> 0;
          case "SCHED_FIFO" -> 1;
          case "SCHED_RR" -> 2;
          case "SCHED_BATCH" -> 3;
          case "SCHED_ISO" -> 4;
          case "SCHED_IDLE" -> 5;
          case "SCHED_DEADLINE" -> 6;
          default -> throw unknown("scheduler.policy", scheduler.policy());
        };
    long flags = 0;
    for (String flag : scheduler.flags()) {
      flags |=
          switch (flag) {
            case "SCHED_FLAG_RESET_ON_FORK" -> 1;
            case "SCHED_FLAG_RECLAIM" -> 2;
            case "SCHED_FLAG_DL_OVERRUN" -> 4;
            case "SCHED_FLAG_KEEP_POLICY" -> 8;
            case "SCHED_FLAG_KEEP_PARAMS" -> 0x10;
            case "SCHED_FLAG_UTIL_CLAMP_MIN" -> 0x20;
            case "SCHED_FLAG_UTIL_CLAMP_MAX" -> 0x40;
            default -> throw unknown("scheduler.flags", flag);
          };
    }
    return new Scheduling.Attributes(
        policy,
        flags,
        scheduler.nice(),
        scheduler.priority(),
        scheduler.runtime(),
        scheduler.deadline(),
        scheduler.period());
  }

  /**
   * Restricts the process to some CPUs: while it is made ({@code initial}), and once it is in the
   * container's control group ({@code final}). For further processes only.
   */
  static void affinity(String list) {
    if (list.isEmpty()) {
      return;
    }
    try {
      Scheduling.affinity(0, cpus(list));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      throw Failures.invalid(
          "process.execCPUAffinity \"" + list + "\": the container may use none of these CPUs");
    }
  }

  /** Once it is in the group: what is not given is the group's. */
  static void finalAffinity(ProcessSpec.CpuAffinity cpus) {
    if (cpus.finalList().isEmpty() && !cpus.initial().isEmpty()) {
      // The kernel leaves out what the group may not use.
      affinity("0-" + (CPU_LIMIT - 1));
    } else {
      affinity(cpus.finalList());
    }
  }

  /** The numbers in a list such as {@code 0-3,7}. */
  static int[] cpus(String list) {
    List<Integer> cpus = new ArrayList<>();
    try {
      for (String part : Text.split(list, ',')) {
        String range = part.strip();
        int dash = range.indexOf('-');
        int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
        int last = dash < 0 ? first : Integer.parseInt(range.substring(dash + 1));
        if (first < 0 || last < first || last >= CPU_LIMIT) {
          throw unknown("execCPUAffinity", list);
        }
        for (int cpu = first; cpu <= last; cpu++) {
          cpus.add(cpu);
        }
      }
    } catch (NumberFormatException e) {
      throw unknown("execCPUAffinity", list);
    }
    int[] result = new int[cpus.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = cpus.get(i);
    }
    return result;
  }
}
