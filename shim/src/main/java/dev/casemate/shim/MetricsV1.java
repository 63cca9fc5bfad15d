package dev.casemate.shim;

import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.HugetlbStats;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.cgroups1.BlkIOEntry;
import dev.casemate.protocol.cgroups1.BlkIOStat;
import dev.casemate.protocol.cgroups1.CPUStat;
import dev.casemate.protocol.cgroups1.CPUUsage;
import dev.casemate.protocol.cgroups1.HugetlbStat;
import dev.casemate.protocol.cgroups1.MemoryEntry;
import dev.casemate.protocol.cgroups1.MemoryOomControl;
import dev.casemate.protocol.cgroups1.MemoryStat;
import dev.casemate.protocol.cgroups1.Metrics;
import dev.casemate.protocol.cgroups1.NetworkStat;
import dev.casemate.protocol.cgroups1.PidsStat;
import dev.casemate.protocol.cgroups1.Throttle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The agent's figures in the words of control groups version 1. */
final class MetricsV1 {
  /** What version 1 says where there is no limit: the largest multiple of a page. */
  private static final long UNLIMITED = 0x7ffffffffffff000L;

  private MetricsV1() {}

  static Metrics of(StatsContainerResponse stats) {
    Metrics.Builder metrics = Metrics.builder();
    stats.cgroupStats().ifPresent(cgroup -> addCgroup(metrics, cgroup));
    for (NetworkStats device : stats.networkStats()) {
      metrics.addNetwork(
          NetworkStat.builder()
              .name(device.name())
              .rxBytes(device.rxBytes())
              .rxPackets(device.rxPackets())
              .rxErrors(device.rxErrors())
              .rxDropped(device.rxDropped())
              .txBytes(device.txBytes())
              .txPackets(device.txPackets())
              .txErrors(device.txErrors())
              .txDropped(device.txDropped())
              .build());
    }
    return metrics.build();
  }

  private static void addCgroup(Metrics.Builder metrics, CgroupStats cgroup) {
    cgroup
        .pidsStats()
        .ifPresent(
            pids ->
                metrics.pids(
                    PidsStat.builder().current(pids.current()).limit(pids.limit()).build()));
    cgroup.cpuStats().ifPresent(cpu -> metrics.cpu(cpu(cpu)));
    cgroup.memoryStats().ifPresent(memory -> metrics.memory(memory(memory)));
    // Its absence is a nil pointer for some of containerd's clients.
    metrics.memoryOomControl(MemoryOomControl.builder().build());
    cgroup
        .blkioStats()
        .ifPresent(
            block ->
                metrics.blkio(
                    BlkIOStat.builder()
                        .ioServiceBytesRecursive(entries(block.ioServiceBytesRecursive()))
                        .ioServicedRecursive(entries(block.ioServicedRecursive()))
                        .build()));
    for (Map.Entry<String, HugetlbStats> pages : cgroup.hugetlbStats().entrySet()) {
      metrics.addHugetlb(
          HugetlbStat.builder()
              .pagesize(pages.getKey())
              .usage(pages.getValue().usage())
              .max(pages.getValue().maxUsage())
              .failcnt(pages.getValue().failcnt())
              .build());
    }
  }

  private static CPUStat cpu(dev.casemate.protocol.agent.CpuStats cpu) {
    CPUStat.Builder stat = CPUStat.builder();
    cpu.cpuUsage()
        .ifPresent(
            usage ->
                stat.usage(
                    CPUUsage.builder()
                        .total(usage.totalUsage())
                        .kernel(usage.usageInKernelmode())
                        .user(usage.usageInUsermode())
                        .perCpu(usage.percpuUsage())
                        .build()));
    cpu.throttlingData()
        .ifPresent(
            throttling ->
                stat.throttling(
                    Throttle.builder()
                        .periods(throttling.periods())
                        .throttledPeriods(throttling.throttledPeriods())
                        .throttledTime(throttling.throttledTime())
                        .build()));
    return stat.build();
  }

  private static MemoryStat memory(MemoryStats memory) {
    Map<String, Long> stats = memory.stats();
    long file = stats.getOrDefault("file", memory.cache());
    long anonymous = stats.getOrDefault("anon", 0L);
    MemoryStat.Builder stat =
        MemoryStat.builder()
            .cache(file)
            .totalCache(file)
            .rss(anonymous)
            .totalRss(anonymous)
            .mappedFile(stats.getOrDefault("file_mapped", 0L))
            .totalMappedFile(stats.getOrDefault("file_mapped", 0L))
            .dirty(stats.getOrDefault("file_dirty", 0L))
            .totalDirty(stats.getOrDefault("file_dirty", 0L))
            .writeback(stats.getOrDefault("file_writeback", 0L))
            .totalWriteback(stats.getOrDefault("file_writeback", 0L))
            .pgFault(stats.getOrDefault("pgfault", 0L))
            .totalPgFault(stats.getOrDefault("pgfault", 0L))
            .pgMajFault(stats.getOrDefault("pgmajfault", 0L))
            .totalPgMajFault(stats.getOrDefault("pgmajfault", 0L))
            .inactiveAnon(stats.getOrDefault("inactive_anon", 0L))
            .totalInactiveAnon(stats.getOrDefault("inactive_anon", 0L))
            .activeAnon(stats.getOrDefault("active_anon", 0L))
            .totalActiveAnon(stats.getOrDefault("active_anon", 0L))
            .inactiveFile(stats.getOrDefault("inactive_file", 0L))
            .totalInactiveFile(stats.getOrDefault("inactive_file", 0L))
            .activeFile(stats.getOrDefault("active_file", 0L))
            .totalActiveFile(stats.getOrDefault("active_file", 0L))
            .unevictable(stats.getOrDefault("unevictable", 0L))
            .totalUnevictable(stats.getOrDefault("unevictable", 0L));
    memory
        .usage()
        .ifPresent(
            usage -> {
              stat.usage(entry(usage));
              stat.hierarchicalMemoryLimit(limit(usage));
            });
    memory.swapUsage().ifPresent(swap -> stat.swap(entry(swap)));
    memory.kernelUsage().ifPresent(kernel -> stat.kernel(entry(kernel)));
    return stat.build();
  }

  private static long limit(MemoryData data) {
    return data.limit() < 0 ? UNLIMITED : data.limit();
  }

  private static MemoryEntry entry(MemoryData data) {
    return MemoryEntry.builder()
        .usage(data.usage())
        .max(data.maxUsage())
        .limit(limit(data))
        .failcnt(data.failcnt())
        .build();
  }

  private static List<BlkIOEntry> entries(List<BlkioStatsEntry> given) {
    List<BlkIOEntry> entries = new ArrayList<>();
    for (BlkioStatsEntry entry : given) {
      entries.add(
          BlkIOEntry.builder()
              .op(entry.op())
              .device(entry.major() + ":" + entry.minor())
              .major(entry.major())
              .minor(entry.minor())
              .value(entry.value())
              .build());
    }
    return entries;
  }
}
