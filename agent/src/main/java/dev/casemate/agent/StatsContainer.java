package dev.casemate.agent;

import dev.casemate.cell.Container;
import dev.casemate.cgroup.Pressure;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
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
import dev.casemate.protocol.agent.PressureStats;
import dev.casemate.protocol.agent.StallStats;
import dev.casemate.protocol.agent.StatsContainerRequest;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.ThrottlingData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code StatsContainer}: a container's cgroup and the machine's network interfaces. */
final class StatsContainer {
  private static final int FILE_LIMIT = 4096;

  private StatsContainer() {}

  static StatsContainerResponse handle(Agent agent, StatsContainerRequest request) {
    Container cell = agent.containers().find(request.containerId()).cell();
    StatsContainerResponse.Builder response =
        StatsContainerResponse.builder()
            .cgroupStats(cgroup(cell.stats(), events(cell), ProcText.onlineCpus()));
    for (ProcText.NetDev device : ProcText.netDev()) {
      response.addNetworkStats(network(device));
    }
    return response.build();
  }

  /** The lines of {@code memory.events}; none where the memory controller is not there. */
  private static Map<String, Long> events(Container cell) {
    String path = cell.cgroup().directory() + "/memory.events";
    return cell.cgroup().directory().isEmpty() || !Fs.exists(path)
        ? Map.of()
        : ProcText.fields(FileContent.readString(path, FILE_LIMIT));
  }

  /**
   * A control group's figures.
   *
   * @param events the lines of {@code memory.events}
   * @param cpus how many CPUs the machine has
   */
  static CgroupStats cgroup(
      dev.casemate.cgroup.CgroupStats stats, Map<String, Long> events, int cpus) {
    CgroupStats.Builder builder =
        CgroupStats.builder()
            .cpuStats(cpu(stats.cpu(), cpus))
            .memoryStats(memory(stats.memory(), events))
            .pidsStats(
                PidsStats.builder()
                    .current(known(stats.pids().current()))
                    .limit(known(stats.pids().limit()))
                    .build())
            .blkioStats(blkio(stats.io(), stats.ioPressure()));
    for (dev.casemate.cgroup.CgroupStats.Hugepages pages : stats.hugepages()) {
      builder.putHugetlbStats(
          pages.pageSize(),
          HugetlbStats.builder()
              .usage(known(pages.usage()))
              .failcnt(known(pages.failures()))
              .limit(unlimited(pages.limit()))
              .build());
    }
    return builder.build();
  }

  /** The engine writes what it could not measure as −1; the protocol has no such value. */
  private static long known(long value) {
    return Math.max(value, 0);
  }

  /** The kernel counts no CPU apart; each is given its share, so that the sum is right. */
  private static List<Long> perCpu(long totalNanos, int cpus) {
    List<Long> shares = new ArrayList<>();
    for (int i = 0; i < cpus; i++) {
      shares.add(totalNanos / cpus + (i < totalNanos % cpus ? 1 : 0));
    }
    return shares;
  }

  private static CpuStats cpu(dev.casemate.cgroup.CgroupStats.Cpu cpu, int cpus) {
    CpuStats.Builder builder = CpuStats.builder();
    cpu.pressure().ifPresent(pressure -> builder.pressure(pressure(pressure)));
    return builder
        .cpuUsage(
            CpuUsage.builder()
                .totalUsage(1000 * known(cpu.totalMicros()))
                .percpuUsage(perCpu(1000 * known(cpu.totalMicros()), cpus))
                .usageInUsermode(1000 * known(cpu.userMicros()))
                .usageInKernelmode(1000 * known(cpu.systemMicros()))
                .build())
        .throttlingData(
            ThrottlingData.builder()
                .periods(known(cpu.periods()))
                .throttledPeriods(known(cpu.throttledPeriods()))
                .throttledTime(1000 * known(cpu.throttledMicros()))
                .bursts(known(cpu.bursts()))
                .burstTime(1000 * known(cpu.burstMicros()))
                .build())
        .build();
  }

  private static MemoryStats memory(
      dev.casemate.cgroup.CgroupStats.Memory memory, Map<String, Long> events) {
    MemoryStats.Builder builder = MemoryStats.builder();
    memory.pressure().ifPresent(pressure -> builder.pressure(pressure(pressure)));
    return builder
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
        .kernelUsage(
            MemoryData.builder()
                .usage(memory.stat().getOrDefault("kernel", 0L))
                .limit(unlimited(-1))
                .build())
        .useHierarchy(true)
        .stats(memory.stat())
        .events(events)
        .build();
  }

  /** No limit is the largest number, as cgroup v1 has it. */
  private static long unlimited(long limit) {
    return limit < 0 ? -1L : limit;
  }

  private static BlkioStats blkio(
      List<dev.casemate.cgroup.CgroupStats.Io> devices, Optional<Pressure> waited) {
    BlkioStats.Builder builder = BlkioStats.builder();
    waited.ifPresent(pressure -> builder.pressure(pressure(pressure)));
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

  private static PressureStats pressure(Pressure pressure) {
    PressureStats.Builder builder = PressureStats.builder();
    pressure.some().ifPresent(some -> builder.some(stall(some)));
    pressure.full().ifPresent(full -> builder.full(stall(full)));
    return builder.build();
  }

  private static StallStats stall(Pressure.Stall stall) {
    return StallStats.builder()
        .avg10(stall.avg10())
        .avg60(stall.avg60())
        .avg300(stall.avg300())
        .total(stall.totalMicros())
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
