package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Scheduling;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.ProcessSpec;

/** CPU and I/O scheduling of a process. */
final class Priorities {

  private Priorities() {}

  /** Refuses what the kernel would: a deadline needs all CPUs, not only some of them. */
  static void check(ProcessSpec process, LinuxSpec linux) {
    String cpus = linux.resources().cpu().cpus();
    boolean deadline =
        process.scheduler().map(ProcessSpec.Scheduler::policy).orElse("").equals("SCHED_DEADLINE");
    if (!deadline || cpus.isEmpty()) {
      return;
    }
    String online = FileContent.readString("/sys/devices/system/cpu/online", 4096).strip();
    int count = NumberList.parse(online, NumberList.CPU_LIMIT).map(list -> list.length).orElse(0);
    if (NumberList.parse(cpus, NumberList.CPU_LIMIT).map(list -> list.length).orElse(0) < count) {
      throw Failures.invalid(
          "process scheduler can't be used together with AllowedCPUs: SCHED_DEADLINE takes CPUs "
              + online
              + ", and linux.resources.cpu.cpus is \""
              + cpus
              + "\"; remove one of the two");
    }
  }

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

  private static void affinity(String list) {
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

  /** While a further process is made: what is not given is every CPU, whatever the caller has. */
  static void initialAffinity(ProcessSpec process) {
    String list = process.execCpuAffinity().map(ProcessSpec.CpuAffinity::initial).orElse("");
    if (list.isEmpty()) {
      Scheduling.everyCpu();
    } else {
      affinity(list);
    }
  }

  /** Once it is in the group: what is not given is the group's. */
  static void finalAffinity(ProcessSpec.CpuAffinity cpus) {
    if (!cpus.finalList().isEmpty()) {
      affinity(cpus.finalList());
    } else if (!cpus.initial().isEmpty()) {
      // The kernel leaves out what the group may not use.
      Scheduling.everyCpu();
    }
  }

  /** The numbers in a list such as {@code 0-3,7}. */
  static int[] cpus(String list) {
    return NumberList.parse(list, NumberList.CPU_LIMIT)
        .orElseThrow(() -> unknown("execCPUAffinity", list));
  }
}
