package dev.casemate.shim;

import dev.casemate.linux.Fs;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.google.Any;
import java.util.List;

/**
 * A container's figures in the form that the host's tools expect: containerd's clients take those
 * of control groups version 1 or 2 by what the host has, whatever the guest has.
 */
final class Metrics {
  private static final String UNIFIED = "/sys/fs/cgroup/cgroup.controllers";

  private Metrics() {}

  /** Those of a pod's containers together. */
  static Any sum(List<StatsContainerResponse> all) {
    return of(PodMetrics.sum(all));
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
