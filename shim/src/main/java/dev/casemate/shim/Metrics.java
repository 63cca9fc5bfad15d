package dev.casemate.shim;

import dev.casemate.linux.Fs;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PidsStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.google.Any;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A container's figures in the form that the host's tools expect: containerd's clients take those
 * of control groups version 1 or 2 by what the host has, whatever the guest has.
 */
final class Metrics {
  private static final String UNIFIED = "/sys/fs/cgroup/cgroup.controllers";

  private Metrics() {}

  /** Those of several containers together: CPU time, memory and processes; the VM's network. */
  static Any sum(List<StatsContainerResponse> all) {
    long cpu = 0;
    long memory = 0;
    long pids = 0;
    Map<String, Long> lines = new LinkedHashMap<>();
    StatsContainerResponse.Builder sum = StatsContainerResponse.builder();
    List<NetworkStats> network = List.of();
    for (StatsContainerResponse stats : all) {
      CgroupStats cgroup = stats.cgroupStats().orElseGet(() -> CgroupStats.builder().build());
      cpu += cgroup.cpuStats().flatMap(CpuStats::cpuUsage).map(CpuUsage::totalUsage).orElse(0L);
      memory += cgroup.memoryStats().flatMap(MemoryStats::usage).map(MemoryData::usage).orElse(0L);
      pids += cgroup.pidsStats().map(PidsStats::current).orElse(0L);
      for (Map.Entry<String, Long> line :
          cgroup.memoryStats().map(MemoryStats::stats).orElse(Map.of()).entrySet()) {
        lines.merge(line.getKey(), line.getValue(), Long::sum);
      }
      network = stats.networkStats();
    }
    return of(
        sum.cgroupStats(
                CgroupStats.builder()
                    .cpuStats(
                        CpuStats.builder()
                            .cpuUsage(CpuUsage.builder().totalUsage(cpu).build())
                            .build())
                    .memoryStats(
                        MemoryStats.builder()
                            .usage(MemoryData.builder().usage(memory).limit(-1).build())
                            .stats(lines)
                            .build())
                    .pidsStats(PidsStats.builder().current(pids).build())
                    .build())
            .networkStats(network)
            .build());
  }

  /** A container's. */
  static Any of(StatsContainerResponse stats) {
    return Fs.exists(UNIFIED)
        ? Any.builder()
            .typeUrl("io.containerd.cgroups.v2.Metrics")
            .value(MetricsV2.of(stats).encode())
            .build()
        : Any.builder()
            .typeUrl("io.containerd.cgroups.v1.Metrics")
            .value(MetricsV1.of(stats).encode())
            .build();
  }
}
