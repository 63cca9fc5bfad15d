package dev.casemate.shim;

import dev.casemate.linux.Fs;
import dev.casemate.linux.MemoryUse;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PidsStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.casemate.HostMemory;
import dev.casemate.protocol.casemate.HostProcess;
import dev.casemate.protocol.google.Any;
import dev.casemate.sandbox.HostUse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A container's figures in the form that the host's tools expect: containerd's clients take those
 * of control groups version 1 or 2 by what the host has, whatever the guest has.
 */
final class Metrics {
  private static final String UNIFIED = "/sys/fs/cgroup/cgroup.controllers";

  private Metrics() {}

  /**
   * Those of several containers together: CPU time, memory and processes; the VM's network.
   *
   * @param host what their sandbox costs the host
   */
  static Any sum(List<StatsContainerResponse> all, Optional<HostUse> host) {
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
            .build(),
        host);
  }

  /**
   * A container's.
   *
   * @param host what its sandbox costs the host; empty where another container's figures have it
   */
  static Any of(StatsContainerResponse stats, Optional<HostUse> host) {
    Optional<dev.casemate.protocol.casemate.HostUse> cost = host.map(Metrics::message);
    return Fs.exists(UNIFIED)
        ? Any.builder()
            .typeUrl("io.containerd.cgroups.v2.Metrics")
            .value(MetricsV2.of(stats, cost).encode())
            .build()
        : Any.builder()
            .typeUrl("io.containerd.cgroups.v1.Metrics")
            .value(MetricsV1.of(stats, cost).encode())
            .build();
  }

  private static dev.casemate.protocol.casemate.HostUse message(HostUse use) {
    dev.casemate.protocol.casemate.HostUse.Builder message =
        dev.casemate.protocol.casemate.HostUse.builder();
    use.memory().ifPresent(known -> message.memory(message(known)));
    for (HostUse.Process process : use.processes()) {
      HostProcess.Builder each = HostProcess.builder().role(process.role()).pid(process.pid());
      process.memory().ifPresent(known -> each.memory(message(known)));
      message.addProcesses(each.build());
    }
    return message.build();
  }

  private static HostMemory message(MemoryUse memory) {
    return HostMemory.builder()
        .pssBytes(memory.proportionalBytes())
        .privateBytes(memory.privateBytes())
        .sharedBytes(memory.sharedBytes())
        .build();
  }
}
