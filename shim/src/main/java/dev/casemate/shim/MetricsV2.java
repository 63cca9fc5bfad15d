package dev.casemate.shim;

import dev.casemate.protocol.agent.BlkioStats;
import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.HugetlbStats;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PressureStats;
import dev.casemate.protocol.agent.StallStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.casemate.HostUse;
import dev.casemate.protocol.cgroups2.CPUStat;
import dev.casemate.protocol.cgroups2.HugeTlbStat;
import dev.casemate.protocol.cgroups2.IOEntry;
import dev.casemate.protocol.cgroups2.IOStat;
import dev.casemate.protocol.cgroups2.MemoryEvents;
import dev.casemate.protocol.cgroups2.MemoryStat;
import dev.casemate.protocol.cgroups2.Metrics;
import dev.casemate.protocol.cgroups2.NetworkStat;
import dev.casemate.protocol.cgroups2.PSIData;
import dev.casemate.protocol.cgroups2.PSIStats;
import dev.casemate.protocol.cgroups2.PidsStat;
import dev.casemate.protocol.cgroups2.RdmaStat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The agent's figures in the words of control groups version 2. As {@link MetricsV1}: whatever
 * runc's metrics always have is there. The pressures are there if the guest's kernel has them.
 */
final class MetricsV2 {
  /** What containerd's library makes of the kernel's {@code max}. */
  private static final long UNLIMITED = -1L;

  private MetricsV2() {}

  static Metrics of(StatsContainerResponse stats, Optional<HostUse> host) {
    CgroupStats cgroup = stats.cgroupStats().orElseGet(() -> CgroupStats.builder().build());
    MemoryStats memory = cgroup.memoryStats().orElseGet(() -> MemoryStats.builder().build());
    BlkioStats block = cgroup.blkioStats().orElseGet(() -> BlkioStats.builder().build());
    dev.casemate.protocol.agent.PidsStats pids =
        cgroup.pidsStats().orElseGet(() -> dev.casemate.protocol.agent.PidsStats.builder().build());
    Metrics.Builder metrics =
        Metrics.builder()
            .pids(
                PidsStat.builder()
                    .current(pids.current())
                    .limit(pids.limit() == 0 ? UNLIMITED : pids.limit())
                    .build())
            .cpu(
                cpu(
                    cgroup
                        .cpuStats()
                        .orElseGet(() -> dev.casemate.protocol.agent.CpuStats.builder().build())))
            .memory(memory(memory))
            .memoryEvents(events(memory))
            .io(io(block))
            // The host's adapters are not in the VM.
            .rdma(RdmaStat.builder().build());
    for (Map.Entry<String, HugetlbStats> pages : cgroup.hugetlbStats().entrySet()) {
      metrics.addHugetlb(
          HugeTlbStat.builder()
              .pagesize(pages.getKey())
              .current(pages.getValue().usage())
              .max(pages.getValue().limit())
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
    CPUStat.Builder stat = CPUStat.builder();
    cpu.cpuUsage()
        .ifPresent(
            usage ->
                stat.usageUsec(usage.totalUsage() / 1000)
                    .userUsec(usage.usageInUsermode() / 1000)
                    .systemUsec(usage.usageInKernelmode() / 1000));
    cpu.throttlingData()
        .ifPresent(
            throttling ->
                stat.nrPeriods(throttling.periods())
                    .nrThrottled(throttling.throttledPeriods())
                    .throttledUsec(throttling.throttledTime() / 1000)
                    .nrBursts(throttling.bursts())
                    .burstUsec(throttling.burstTime() / 1000));
    cpu.pressure().ifPresent(pressure -> stat.psi(pressure(pressure)));
    return stat.build();
  }

  private static MemoryStat memory(MemoryStats memory) {
    Map<String, Long> stats = memory.stats();
    MemoryData unknown = MemoryData.builder().limit(UNLIMITED).build();
    MemoryData usage = memory.usage().orElse(unknown);
    MemoryData swap = memory.swapUsage().orElse(unknown);
    MemoryStat.Builder stat = MemoryStat.builder();
    memory.pressure().ifPresent(pressure -> stat.psi(pressure(pressure)));
    return stat.anon(stats.getOrDefault("anon", 0L))
        .file(stats.getOrDefault("file", 0L))
        .kernelStack(stats.getOrDefault("kernel_stack", 0L))
        .slab(stats.getOrDefault("slab", 0L))
        .sock(stats.getOrDefault("sock", 0L))
        .shmem(stats.getOrDefault("shmem", 0L))
        .fileMapped(stats.getOrDefault("file_mapped", 0L))
        .fileDirty(stats.getOrDefault("file_dirty", 0L))
        .fileWriteback(stats.getOrDefault("file_writeback", 0L))
        .anonThp(stats.getOrDefault("anon_thp", 0L))
        .inactiveAnon(stats.getOrDefault("inactive_anon", 0L))
        .activeAnon(stats.getOrDefault("active_anon", 0L))
        .inactiveFile(stats.getOrDefault("inactive_file", 0L))
        .activeFile(stats.getOrDefault("active_file", 0L))
        .unevictable(stats.getOrDefault("unevictable", 0L))
        .slabReclaimable(stats.getOrDefault("slab_reclaimable", 0L))
        .slabUnreclaimable(stats.getOrDefault("slab_unreclaimable", 0L))
        .pgfault(stats.getOrDefault("pgfault", 0L))
        .pgmajfault(stats.getOrDefault("pgmajfault", 0L))
        .workingsetRefault(anonAndFile(stats, "workingset_refault"))
        .workingsetActivate(anonAndFile(stats, "workingset_activate"))
        .workingsetNodereclaim(stats.getOrDefault("workingset_nodereclaim", 0L))
        .pgrefill(stats.getOrDefault("pgrefill", 0L))
        .pgscan(stats.getOrDefault("pgscan", 0L))
        .pgsteal(stats.getOrDefault("pgsteal", 0L))
        .pgactivate(stats.getOrDefault("pgactivate", 0L))
        .pgdeactivate(stats.getOrDefault("pgdeactivate", 0L))
        .pglazyfree(stats.getOrDefault("pglazyfree", 0L))
        .pglazyfreed(stats.getOrDefault("pglazyfreed", 0L))
        .thpFaultAlloc(stats.getOrDefault("thp_fault_alloc", 0L))
        .thpCollapseAlloc(stats.getOrDefault("thp_collapse_alloc", 0L))
        .usage(usage.usage())
        .usageLimit(usage.limit())
        .maxUsage(Math.max(usage.usage(), usage.maxUsage()))
        .swapUsage(swap.usage())
        .swapLimit(swap.limit())
        .swapMaxUsage(Math.max(swap.usage(), swap.maxUsage()))
        .build();
  }

  private static PSIStats pressure(PressureStats pressure) {
    PSIStats.Builder stats = PSIStats.builder();
    pressure.some().ifPresent(some -> stats.some(stall(some)));
    pressure.full().ifPresent(full -> stats.full(stall(full)));
    return stats.build();
  }

  private static PSIData stall(StallStats stall) {
    return PSIData.builder()
        .avg10(stall.avg10() / 100.0)
        .avg60(stall.avg60() / 100.0)
        .avg300(stall.avg300() / 100.0)
        .total(stall.total())
        .build();
  }

  /** Newer kernels count anonymous and file pages apart. */
  private static long anonAndFile(Map<String, Long> stats, String name) {
    return stats.getOrDefault(name, 0L)
        + stats.getOrDefault(name + "_anon", 0L)
        + stats.getOrDefault(name + "_file", 0L);
  }

  private static MemoryEvents events(MemoryStats memory) {
    Map<String, Long> events = memory.events();
    long hits = memory.usage().map(MemoryData::failcnt).orElse(0L);
    return MemoryEvents.builder()
        .low(events.getOrDefault("low", 0L))
        .high(events.getOrDefault("high", 0L))
        .max(events.getOrDefault("max", hits))
        .oom(events.getOrDefault("oom", 0L))
        .oomKill(events.getOrDefault("oom_kill", 0L))
        .oomGroupKill(events.getOrDefault("oom_group_kill", 0L))
        .build();
  }

  /** One entry a device, of the entries a device and direction. */
  private static IOStat io(BlkioStats block) {
    Map<String, long[]> devices = new LinkedHashMap<>();
    collect(devices, block.ioServiceBytesRecursive(), 2);
    collect(devices, block.ioServicedRecursive(), 4);
    IOStat.Builder io = IOStat.builder();
    block.pressure().ifPresent(pressure -> io.psi(pressure(pressure)));
    for (long[] device : devices.values()) {
      io.addUsage(
          IOEntry.builder()
              .major(device[0])
              .minor(device[1])
              .rbytes(device[2])
              .wbytes(device[3])
              .rios(device[4])
              .wios(device[5])
              .build());
    }
    return io.build();
  }

  private static void collect(Map<String, long[]> devices, List<BlkioStatsEntry> entries, int at) {
    for (BlkioStatsEntry entry : entries) {
      long[] device =
          devices.computeIfAbsent(
              entry.major() + ":" + entry.minor(),
              key -> new long[] {entry.major(), entry.minor(), 0, 0, 0, 0});
      switch (entry.op()) {
        case "Read" -> device[at] += entry.value();
        case "Write" -> device[at + 1] += entry.value();
        default -> {
          // Discards have no place there.
        }
      }
    }
  }
}
