package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileSystem;
import dev.casemate.oci.MountSpec;
import java.util.List;
import java.util.Optional;

/**
 * Guards a container's {@code /proc}: what is mounted on it or in it could make the engine, and
 * programs in the container, take files for the kernel's that are not (CVE-2019-16884,
 * CVE-2019-19921, CVE-2023-27561).
 */
final class ProcMounts {
  private static final long PROC_MAGIC = 0x9fa0;

  /** Files that lxcfs and the like provide; no program's safety depends on them. */
  private static final List<String> ALLOWED =
      List.of(
          "/proc/cpuinfo",
          "/proc/diskstats",
          "/proc/meminfo",
          "/proc/stat",
          "/proc/swaps",
          "/proc/uptime",
          "/proc/loadavg",
          "/proc/slabinfo",
          "/proc/net/dev",
          "/proc/sys/kernel/ns_last_pid",
          "/proc/sys/crypto/fips_enabled");

  private ProcMounts() {}

  static boolean isProc(Fd file) {
    return FileSystem.of(file.procPath()).type() == PROC_MAGIC;
  }

  /**
   * Refuses a mount that would be in a /proc or, not being one, on /proc.
   *
   * @param source of a bind
   * @param target where it is about to be mounted, links resolved
   */
  static void check(MountSpec mount, String destination, Optional<Fd> source, Fd target) {
    if (destination.equals("/proc")) {
      boolean proc = source.isPresent() ? isProc(source.get()) : mount.type().equals("proc");
      if (!proc) {
        throw Failures.invalid(
            "mount destination \"/proc\" takes a mount of type proc, not "
                + (mount.type().isEmpty() ? mount.source() : mount.type()));
      }
      return;
    }
    boolean within = destination.startsWith("/proc/") || isProc(target);
    if (within && !ALLOWED.contains(destination)) {
      throw Failures.invalid(
          "mount destination \""
              + mount.destination()
              + "\" is inside of /proc, where nothing may be mounted but files such as"
              + " /proc/cpuinfo; choose another");
    }
  }
}
