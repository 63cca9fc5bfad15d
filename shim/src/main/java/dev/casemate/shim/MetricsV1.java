package dev.casemate.shim;

import dev.casemate.protocol.agent.BlkioStats;
import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.HugetlbStats;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.ThrottlingData;
import dev.casemate.protocol.casemate.HostUse;
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
import dev.casemate.protocol.cgroups1.RdmaStat;
import dev.casemate.protocol.cgroups1.Throttle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The agent's figures in the words of control groups version 1. Clients follow these messages
 * without looking whether they are there: whatever runc's metrics always have is there, also if the
 * guest does not tell it.
 */
final class MetricsV1 {
  /** What version 1 says where there is no limit: the largest multiple of a page. */
  private static final long UNLIMITED = 0x7ffffffffffff000L;

  private MetricsV1() {}

  static Metrics of(StatsContainerResponse stats, Optional<HostUse> host) {
    CgroupStats cgroup = stats.cgroupStats().orElseGet(() -> CgroupStats.builder().build());
    MemoryStats memory = cgroup.memoryStats().orElseGet(() -> MemoryStats.builder().build());
    dev.casemate.protocol.agent.PidsStats pids =
        cgroup.pidsStats().orElseGet(() -> dev.casemate.protocol.agent.PidsStats.builder().build());
    Metrics.Builder metrics =
        Metrics.builder()
            .pids(PidsStat.builder().current(pids.current()).limit(pids.limit()).build())
            .cpu(
                cpu(
                    cgroup
                        .cpuStats()
                        .orElseGet(() -> dev.casemate.protocol.agent.CpuStats.builder().build())))
            .memory(memory(memory))
            .memoryOomControl(
                MemoryOomControl.builder()
                    .oomKill(memory.events().getOrDefault("oom_kill", 0L))
                    .build())
            .blkio(blkio(cgroup.blkioStats().orElseGet(() -> BlkioStats.builder().build())))
            // The host's adapters are not in the VM.
            .rdma(RdmaStat.builder().build());
    for (Map.Entry<String, HugetlbStats> pages : cgroup.hugetlbStats().entrySet()) {
      metrics.addHugetlb(
          HugetlbStat.builder()
              .pagesize(pages.getKey())
              .usage(pages.getValue().usage())
              .max(Math.max(pages.getValue().usage(), pages.getValue().maxUsage()))
              .failcnt(pages.getValue().failcnt())
              .build());
    }
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
    host.ifPresent(metrics::host);
    return metrics.build();
  }

  private static CPUStat cpu(dev.casemate.protocol.agent.CpuStats cpu) {
    CpuUsage usage = cpu.cpuUsage().orElseGet(() -> CpuUsage.builder().build());
    ThrottlingData throttling =
        cpu.throttlingData().orElseGet(() -> ThrottlingData.builder().build());
    return CPUStat.builder()
        .usage(
            CPUUsage.builder()
                .total(usage.totalUsage())
                .kernel(usage.usageInKernelmode())
                .user(usage.usageInUsermode())
                // Docker counts CPUs by it.
                .perCpu(
                    usage.percpuUsage().isEmpty()
                        ? List.of(usage.totalUsage())
                        : usage.percpuUsage())
                .build())
        .throttling(
            Throttle.builder()
                .periods(throttling.periods())
                .throttledPeriods(throttling.throttledPeriods())
                .throttledTime(throttling.throttledTime())
                .build())
        .build();
  }

  private static MemoryStat memory(MemoryStats memory) {
    Map<String, Long> stats = memory.stats();
    long file = stats.getOrDefault("file", memory.cache());
    long anonymous = stats.getOrDefault("anon", 0L);
    long huge = stats.getOrDefault("anon_thp", 0L);
    MemoryData unknown = MemoryData.builder().limit(-1).build();
    MemoryData usage = memory.usage().orElse(unknown);
    MemoryData both = withSwap(usage, memory.swapUsage().orElse(unknown));
    MemoryData tcp = MemoryData.builder().usage(stats.getOrDefault("sock", 0L)).limit(-1).build();
    return MemoryStat.builder()
        .cache(file)
        .totalCache(file)
        .rss(anonymous)
        .totalRss(anonymous)
        .rssHuge(huge)
        .totalRssHuge(huge)
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
        .totalUnevictable(stats.getOrDefault("unevictable", 0L))
        .hierarchicalMemoryLimit(limit(usage))
        .hierarchicalSwapLimit(limit(both))
        .usage(entry(usage))
        .swap(entry(both))
        .kernel(entry(memory.kernelUsage().orElse(unknown)))
        .kernelTcp(entry(tcp))
        .build();
  }

  /** Version 1 counts swap together with memory ({@code memory.memsw}). */
  private static MemoryData withSwap(MemoryData memory, MemoryData swap) {
    boolean limited = memory.limit() >= 0 && swap.limit() >= 0;
    return MemoryData.builder()
        .usage(memory.usage() + swap.usage())
        .maxUsage(memory.maxUsage() + swap.maxUsage())
        .failcnt(swap.failcnt())
        .limit(limited ? memory.limit() + swap.limit() : -1)
        .build();
  }

  private static long limit(MemoryData data) {
    return data.limit() < 0 ? UNLIMITED : data.limit();
  }

  private static MemoryEntry entry(MemoryData data) {
    return MemoryEntry.builder()
        .usage(data.usage())
        // Not every kernel tells the most that there was.
        .max(Math.max(data.usage(), data.maxUsage()))
        .limit(limit(data))
        .failcnt(data.failcnt())
        .build();
  }

  private static BlkIOStat blkio(BlkioStats block) {
    return BlkIOStat.builder()
        .ioServiceBytesRecursive(entries(block.ioServiceBytesRecursive()))
        .ioServicedRecursive(entries(block.ioServicedRecursive()))
        .ioQueuedRecursive(entries(block.ioQueuedRecursive()))
        .ioServiceTimeRecursive(entries(block.ioServiceTimeRecursive()))
        .ioWaitTimeRecursive(entries(block.ioWaitTimeRecursive()))
        .ioMergedRecursive(entries(block.ioMergedRecursive()))
        .ioTimeRecursive(entries(block.ioTimeRecursive()))
        .sectorsRecursive(entries(block.sectorsRecursive()))
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
