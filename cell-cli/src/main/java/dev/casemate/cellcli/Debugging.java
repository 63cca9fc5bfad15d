package dev.casemate.cellcli;

import dev.casemate.cell.CellProcess;
import dev.casemate.cell.Container;
import dev.casemate.cell.NumberList;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.ocicli.Log;
import java.util.Optional;

/**
 * What {@code --debug} tells of the making of a process. It begins with runc's words for the same
 * steps, by which its users find them in a log.
 */
final class Debugging {
  private static final int LIMIT = 64 * 1024;

  private final Log log;

  Debugging(Log log) {
    this.log = log;
  }

  /** A process is about to be made. */
  void begins(String id) {
    log.debug("nsexec container setup of " + id);
  }

  /** The CPUs that a further process has while it is made. */
  void affinity(ProcessSpec process) {
    String initial = process.execCpuAffinity().map(ProcessSpec.CpuAffinity::initial).orElse("");
    if (!initial.isEmpty()) {
      log.debug("nsexec: affinity: " + mask(initial));
    }
  }

  /** A container's first process waits for its start. */
  void made(Container container) {
    log.debug(
        "child process in init(): pid "
            + container.init().pid()
            + " (namespaces 0x"
            + Long.toHexString(container.record().namespaces())
            + ", control group "
            + container.cgroup().directory()
            + ")");
    log.debug("init: closing the pipe to signal completion; it waits for the start");
  }

  /** The flags of the filter that a process is put into. */
  void filter(Container container) {
    if (log.isDebug()) {
      container.filterFlags().ifPresent(flags -> log.debug("seccomp filter flags: " + flags));
    }
  }

  /** A further process runs its command. */
  void executed(CellProcess process) {
    log.debug("child process in init(): pid " + process.pid());
    log.debug("setns_init: about to exec: pid " + process.pid());
    if (log.isDebug()) {
      groups(process.pid());
    }
  }

  private void groups(int pid) {
    try {
      for (String line :
          Text.split(FileContent.readString("/proc/" + pid + "/cgroup", LIMIT), '\n')) {
        log.debug("control group of pid " + pid + ": " + line);
      }
    } catch (LinuxException e) {
      // It has ended.
    }
  }

  /** A list such as {@code 0-3,7} as the bits of the lowest 64 CPUs; {@code ?} for no such list. */
  static String mask(String list) {
    Optional<int[]> cpus = NumberList.parse(list, NumberList.CPU_LIMIT);
    if (cpus.isEmpty()) {
      return "?";
    }
    long mask = 0;
    for (int cpu : cpus.get()) {
      mask |= cpu < Long.SIZE ? 1L << cpu : 0;
    }
    return "0x" + Long.toHexString(mask);
  }
}
