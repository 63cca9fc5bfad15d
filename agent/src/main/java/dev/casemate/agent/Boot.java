package dev.casemate.agent;

import dev.casemate.base.Release;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.protocol.casemate.BootReport;

/** {@code casemate.v1.Guest/Boot}: how the guest came up. */
final class Boot {
  private Boot() {}

  static BootReport report(Agent agent) {
    agent.limits().remember();
    String release = kernel("osrelease");
    return BootReport.builder()
        .mainMicros(agent.mainMicros())
        .readyMicros(agent.sandbox().readyMicros())
        .kernelRelease(release)
        .agentVersion(Release.VERSION)
        .machine(kernel("ostype") + " " + release + " " + kernel("version") + " " + kernel("arch"))
        .memoryTotalBytes(
            ProcText.memInfo(FileContent.readString("/proc/meminfo", 64 * 1024), "MemTotal"))
        .agentRssBytes(ProcText.residentBytes(FileContent.readString("/proc/self/statm", 256)))
        .build();
  }

  private static String kernel(String name) {
    String path = "/proc/sys/kernel/" + name;
    // "arch" came with Linux 6.1.
    return Fs.exists(path) ? FileContent.readString(path, 4096).strip() : "x86_64";
  }
}
