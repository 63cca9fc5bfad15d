package dev.casemate.shim;

import dev.casemate.linux.Fs;
import dev.casemate.linux.MemoryUse;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.casemate.HostMemory;
import dev.casemate.protocol.casemate.HostProcess;
import dev.casemate.protocol.google.Any;
import dev.casemate.sandbox.HostUse;
import java.util.List;
import java.util.Optional;

/**
 * A container's figures in the form that the host's tools expect: containerd's clients take those
 * of control groups version 1 or 2 by what the host has, whatever the guest has.
 */
final class Metrics {
  private static final String UNIFIED = "/sys/fs/cgroup/cgroup.controllers";

  private Metrics() {}

  /**
   * Those of a pod's containers together.
   *
   * @param host what their sandbox costs the host
   */
  static Any sum(List<StatsContainerResponse> all, Optional<HostUse> host) {
    return of(PodMetrics.sum(all), host);
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
