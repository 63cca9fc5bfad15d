package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.MemoryUse;
import dev.casemate.protocol.agent.BlkioStats;
import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PidsStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.google.Any;
import dev.casemate.sandbox.HostUse;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MetricsTest {
  private static BlkioStatsEntry entry(String op, long value) {
    return BlkioStatsEntry.builder().major(254).minor(16).op(op).value(value).build();
  }

  private static StatsContainerResponse stats() {
    return StatsContainerResponse.builder()
        .cgroupStats(
            CgroupStats.builder()
                .cpuStats(
                    CpuStats.builder()
                        .cpuUsage(
                            CpuUsage.builder()
                                .totalUsage(5_000_000)
                                .usageInUsermode(3_000_000)
                                .usageInKernelmode(2_000_000)
                                .build())
                        .build())
                .memoryStats(
                    MemoryStats.builder()
                        .usage(MemoryData.builder().usage(4096).limit(-1).build())
                        .stats(Map.of("file", 100L, "anon", 200L, "inactive_file", 50L))
                        .build())
                .pidsStats(PidsStats.builder().current(3).build())
                .blkioStats(
                    BlkioStats.builder()
                        .ioServiceBytesRecursive(
                            List.of(entry("Read", 10), entry("Write", 20), entry("Discard", 9)))
                        .ioServicedRecursive(List.of(entry("Read", 1), entry("Write", 2)))
                        .build())
                .build())
        .networkStats(List.of(NetworkStats.builder().name("eth0").rxBytes(7).txBytes(8).build()))
        .build();
  }

  @Test
  void speaksVersion1() {
    dev.casemate.protocol.cgroups1.Metrics metrics = MetricsV1.of(stats(), Optional.empty());

    assertThat(metrics.cpu().orElseThrow().usage().orElseThrow().total()).isEqualTo(5_000_000);
    assertThat(metrics.memory().orElseThrow().usage().orElseThrow().usage()).isEqualTo(4096);
    assertThat(metrics.memory().orElseThrow().usage().orElseThrow().limit())
        .as("no limit, as the kernel writes it")
        .isEqualTo(0x7ffffffffffff000L);
    assertThat(metrics.memory().orElseThrow().totalInactiveFile()).isEqualTo(50);
    assertThat(metrics.pids().orElseThrow().current()).isEqualTo(3);
    assertThat(metrics.network().getFirst().name()).isEqualTo("eth0");
    assertThat(metrics.network().getFirst().txBytes()).isEqualTo(8);
    assertThat(metrics.blkio().orElseThrow().ioServiceBytesRecursive()).hasSize(3);
  }

  @Test
  void speaksVersion2() {
    dev.casemate.protocol.cgroups2.Metrics metrics = MetricsV2.of(stats(), Optional.empty());

    assertThat(metrics.cpu().orElseThrow().usageUsec()).isEqualTo(5000);
    assertThat(metrics.cpu().orElseThrow().userUsec()).isEqualTo(3000);
    assertThat(metrics.memory().orElseThrow().usage()).isEqualTo(4096);
    assertThat(metrics.memory().orElseThrow().anon()).isEqualTo(200);
    assertThat(metrics.io().orElseThrow().usage())
        .singleElement()
        .satisfies(
            io -> {
              assertThat(io.rbytes()).isEqualTo(10);
              assertThat(io.wbytes()).isEqualTo(20);
              assertThat(io.rios()).isEqualTo(1);
              assertThat(io.wios()).isEqualTo(2);
            });
    assertThat(metrics.network().getFirst().rxBytes()).isEqualTo(7);
  }

  @Test
  void sumsAPod() throws Exception {
    Any sum = Metrics.sum(List.of(stats(), stats()), Optional.empty());

    assertThat(sum.typeUrl()).startsWith("io.containerd.cgroups.v").endsWith(".Metrics");
    if (sum.typeUrl().contains(".v1.")) {
      dev.casemate.protocol.cgroups1.Metrics metrics =
          dev.casemate.protocol.cgroups1.Metrics.decode(sum.value());
      assertThat(metrics.cpu().orElseThrow().usage().orElseThrow().total()).isEqualTo(10_000_000);
      assertThat(metrics.network()).as("the VM has one network").hasSize(1);
    } else {
      dev.casemate.protocol.cgroups2.Metrics metrics =
          dev.casemate.protocol.cgroups2.Metrics.decode(sum.value());
      assertThat(metrics.cpu().orElseThrow().usageUsec()).isEqualTo(10_000);
      assertThat(metrics.network()).as("the VM has one network").hasSize(1);
    }
  }

  private static HostUse use(Optional<MemoryUse> daemon) {
    return new HostUse(
        List.of(
            new HostUse.Process("vmm", 11, Optional.of(new MemoryUse(300, 200))),
            new HostUse.Process("virtiofsd", 12, daemon),
            new HostUse.Process("sandbox", 13, Optional.of(new MemoryUse(30, 20)))));
  }

  private static dev.casemate.protocol.casemate.HostUse told(HostUse use) throws Exception {
    Any metrics = Metrics.of(stats(), Optional.of(use));
    return metrics.typeUrl().contains(".v1.")
        ? dev.casemate.protocol.cgroups1.Metrics.decode(metrics.value()).host().orElseThrow()
        : dev.casemate.protocol.cgroups2.Metrics.decode(metrics.value()).host().orElseThrow();
  }

  @Test
  void whatItCostsTheHostIsBesideTheGuestsFigures() throws Exception {
    var host = told(use(Optional.of(new MemoryUse(3, 2))));

    assertThat(host.memory().orElseThrow().pssBytes()).isEqualTo(333);
    assertThat(host.memory().orElseThrow().privateBytes()).isEqualTo(222);
    assertThat(host.memory().orElseThrow().sharedBytes()).isEqualTo(111);
    assertThat(host.processes())
        .extracting(each -> each.role() + " " + each.pid())
        .containsExactly("vmm 11", "virtiofsd 12", "sandbox 13");
    assertThat(host.processes().getFirst().memory().orElseThrow().sharedBytes()).isEqualTo(100);
  }

  @Test
  void whatTheKernelDoesNotTellIsAbsent() throws Exception {
    var host = told(use(Optional.empty()));

    assertThat(host.memory()).as("a sum with a part missing would be wrong").isEmpty();
    assertThat(host.processes().get(1).memory()).isEmpty();
    assertThat(host.processes().get(2).memory().orElseThrow().pssBytes()).isEqualTo(30);
  }
}
