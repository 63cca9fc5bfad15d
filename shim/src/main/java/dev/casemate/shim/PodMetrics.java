package dev.casemate.shim;

import dev.casemate.protocol.agent.BlkioStats;
import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.HugetlbStats;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PidsStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.ThrottlingData;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The figures of a pod's containers together. Limits are each container's, so the sum has none;
 * pressures are shares of time, which have no sum. The network is the VM's.
 */
final class PodMetrics {
  private static final long UNLIMITED = -1L;

  private long total;
  private long user;
  private long kernel;
  private final List<Long> perCpu = new ArrayList<>();
  private final long[] throttling = new long[5];
  private final long[] usage = new long[3];
  private final long[] swap = new long[3];
  private final long[] kernelMemory = new long[3];
  private final Map<String, Long> lines = new LinkedHashMap<>();
  private final Map<String, Long> events = new LinkedHashMap<>();
  private final Map<String, BlkioStatsEntry> bytes = new LinkedHashMap<>();
  private final Map<String, BlkioStatsEntry> operations = new LinkedHashMap<>();
  private final Map<String, HugetlbStats> hugepages = new LinkedHashMap<>();
  private long pids;
  private List<NetworkStats> network = List.of();

  private PodMetrics() {}

  static StatsContainerResponse sum(List<StatsContainerResponse> all) {
    PodMetrics sum = new PodMetrics();
    for (StatsContainerResponse stats : all) {
      stats.cgroupStats().ifPresent(sum::add);
      sum.network = stats.networkStats();
    }
    return sum.build();
  }

  private void add(CgroupStats stats) {
    stats.cpuStats().flatMap(CpuStats::cpuUsage).ifPresent(this::add);
    stats.cpuStats().flatMap(CpuStats::throttlingData).ifPresent(this::add);
    stats.memoryStats().ifPresent(this::add);
    pids += stats.pidsStats().map(PidsStats::current).orElse(0L);
    stats
        .blkioStats()
        .ifPresent(
            block -> {
              add(bytes, block.ioServiceBytesRecursive());
              add(operations, block.ioServicedRecursive());
            });
    stats.hugetlbStats().forEach((size, pages) -> hugepages.merge(size, pages, PodMetrics::sum));
  }

  private void add(CpuUsage cpu) {
    total += cpu.totalUsage();
    user += cpu.usageInUsermode();
    kernel += cpu.usageInKernelmode();
    for (int i = 0; i < cpu.percpuUsage().size(); i++) {
      if (i == perCpu.size()) {
        perCpu.add(0L);
      }
      perCpu.set(i, perCpu.get(i) + cpu.percpuUsage().get(i));
    }
  }

  private void add(ThrottlingData data) {
    throttling[0] += data.periods();
    throttling[1] += data.throttledPeriods();
    throttling[2] += data.throttledTime();
    throttling[3] += data.bursts();
    throttling[4] += data.burstTime();
  }

  private void add(MemoryStats memory) {
    memory.usage().ifPresent(data -> add(usage, data));
    memory.swapUsage().ifPresent(data -> add(swap, data));
    memory.kernelUsage().ifPresent(data -> add(kernelMemory, data));
    memory.stats().forEach((name, value) -> lines.merge(name, value, Long::sum));
    memory.events().forEach((name, value) -> events.merge(name, value, Long::sum));
  }

  private static void add(long[] sum, MemoryData data) {
    sum[0] += data.usage();
    sum[1] += data.maxUsage();
    sum[2] += data.failcnt();
  }

  private static void add(Map<String, BlkioStatsEntry> sum, List<BlkioStatsEntry> entries) {
    for (BlkioStatsEntry entry : entries) {
      sum.merge(
          entry.major() + ":" + entry.minor() + " " + entry.op(),
          entry,
          (a, b) ->
              BlkioStatsEntry.builder()
                  .major(a.major())
                  .minor(a.minor())
                  .op(a.op())
                  .value(a.value() + b.value())
                  .build());
    }
  }

  private static HugetlbStats sum(HugetlbStats a, HugetlbStats b) {
    return HugetlbStats.builder()
        .usage(a.usage() + b.usage())
        .maxUsage(a.maxUsage() + b.maxUsage())
        .failcnt(a.failcnt() + b.failcnt())
        .limit(UNLIMITED)
        .build();
  }

  private static MemoryData memory(long[] sum) {
    return MemoryData.builder()
        .usage(sum[0])
        .maxUsage(sum[1])
        .failcnt(sum[2])
        .limit(UNLIMITED)
        .build();
  }

  private StatsContainerResponse build() {
    CpuStats cpu =
        CpuStats.builder()
            .cpuUsage(
                CpuUsage.builder()
                    .totalUsage(total)
                    .percpuUsage(perCpu)
                    .usageInUsermode(user)
                    .usageInKernelmode(kernel)
                    .build())
            .throttlingData(
                ThrottlingData.builder()
                    .periods(throttling[0])
                    .throttledPeriods(throttling[1])
                    .throttledTime(throttling[2])
                    .bursts(throttling[3])
                    .burstTime(throttling[4])
                    .build())
            .build();
    MemoryStats memory =
        MemoryStats.builder()
            .cache(lines.getOrDefault("file", 0L))
            .usage(memory(usage))
            .swapUsage(memory(swap))
            .kernelUsage(memory(kernelMemory))
            .stats(lines)
            .events(events)
            .build();
    return StatsContainerResponse.builder()
        .cgroupStats(
            CgroupStats.builder()
                .cpuStats(cpu)
                .memoryStats(memory)
                .pidsStats(PidsStats.builder().current(pids).build())
                .blkioStats(
                    BlkioStats.builder()
                        .ioServiceBytesRecursive(List.copyOf(bytes.values()))
                        .ioServicedRecursive(List.copyOf(operations.values()))
                        .build())
                .hugetlbStats(hugepages)
                .build())
        .networkStats(network)
        .build();
  }
}
