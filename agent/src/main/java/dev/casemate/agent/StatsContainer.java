package dev.casemate.agent;

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
import dev.casemate.protocol.agent.StatsContainerRequest;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.ThrottlingData;
import java.util.List;

/** {@code StatsContainer}: a container's cgroup and the machine's network interfaces. */
final class StatsContainer {
  private StatsContainer() {}

  static StatsContainerResponse handle(Agent agent, StatsContainerRequest request) {
    dev.casemate.cgroup.CgroupStats stats =
        agent.containers().find(request.containerId()).cell().stats();
    StatsContainerResponse.Builder response =
        StatsContainerResponse.builder().cgroupStats(cgroup(stats));
    for (ProcText.NetDev device : ProcText.netDev()) {
      response.addNetworkStats(network(device));
    }
    return response.build();
  }

  static CgroupStats cgroup(dev.casemate.cgroup.CgroupStats stats) {
    CgroupStats.Builder builder =
        CgroupStats.builder()
            .cpuStats(cpu(stats.cpu()))
            .memoryStats(memory(stats.memory()))
            .pidsStats(
                PidsStats.builder()
                    .current(known(stats.pids().current()))
                    .limit(known(stats.pids().limit()))
                    .build())
            .blkioStats(blkio(stats.io()));
    for (dev.casemate.cgroup.CgroupStats.Hugepages pages : stats.hugepages()) {
      builder.putHugetlbStats(
          pages.pageSize(),
          HugetlbStats.builder()
              .usage(known(pages.usage()))
              .failcnt(known(pages.failures()))
              .build());
    }
    return builder.build();
  }

  /** The engine writes what it could not measure as −1; the protocol has no such value. */
  private static long known(long value) {
    return Math.max(value, 0);
  }

  private static CpuStats cpu(dev.casemate.cgroup.CgroupStats.Cpu cpu) {
    return CpuStats.builder()
        .cpuUsage(
            CpuUsage.builder()
                .totalUsage(1000 * known(cpu.totalMicros()))
                .usageInUsermode(1000 * known(cpu.userMicros()))
                .usageInKernelmode(1000 * known(cpu.systemMicros()))
                .build())
        .throttlingData(
            ThrottlingData.builder()
                .periods(known(cpu.periods()))
                .throttledPeriods(known(cpu.throttledPeriods()))
                .throttledTime(1000 * known(cpu.throttledMicros()))
                .build())
        .build();
  }

  private static MemoryStats memory(dev.casemate.cgroup.CgroupStats.Memory memory) {
    return MemoryStats.builder()
        .cache(memory.stat().getOrDefault("file", 0L))
        .usage(
            MemoryData.builder()
                .usage(known(memory.usage()))
                .maxUsage(known(memory.maxUsage()))
                .failcnt(known(memory.maxEvents()))
                .limit(unlimited(memory.limit()))
                .build())
        .swapUsage(
            MemoryData.builder()
                .usage(known(memory.swapUsage()))
                .limit(unlimited(memory.swapLimit()))
                .build())
        .kernelUsage(MemoryData.builder().usage(memory.stat().getOrDefault("kernel", 0L)).build())
        .useHierarchy(true)
        .stats(memory.stat())
        .build();
  }

  /** No limit is the largest number, as cgroup v1 has it. */
  private static long unlimited(long limit) {
    return limit < 0 ? -1L : limit;
  }

  private static BlkioStats blkio(List<dev.casemate.cgroup.CgroupStats.Io> devices) {
    BlkioStats.Builder builder = BlkioStats.builder();
    for (dev.casemate.cgroup.CgroupStats.Io io : devices) {
      builder.addIoServiceBytesRecursive(entry(io, "Read", io.readBytes()));
      builder.addIoServiceBytesRecursive(entry(io, "Write", io.writeBytes()));
      builder.addIoServiceBytesRecursive(entry(io, "Discard", io.discardBytes()));
      builder.addIoServicedRecursive(entry(io, "Read", io.readOperations()));
      builder.addIoServicedRecursive(entry(io, "Write", io.writeOperations()));
      builder.addIoServicedRecursive(entry(io, "Discard", io.discardOperations()));
    }
    return builder.build();
  }

  private static BlkioStatsEntry entry(
      dev.casemate.cgroup.CgroupStats.Io io, String op, long value) {
    return BlkioStatsEntry.builder()
        .major(io.major())
        .minor(io.minor())
        .op(op)
        .value(known(value))
        .build();
  }

  private static NetworkStats network(ProcText.NetDev device) {
    List<Long> values = device.values();
    return NetworkStats.builder()
        .name(device.name())
        .rxBytes(values.get(0))
        .rxPackets(values.get(1))
        .rxErrors(values.get(2))
        .rxDropped(values.get(3))
        .txBytes(values.get(8))
        .txPackets(values.get(9))
        .txErrors(values.get(10))
        .txDropped(values.get(11))
        .build();
  }
}
