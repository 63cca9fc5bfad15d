package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.cgroup.CgroupStats;
import dev.casemate.cgroup.Pressure;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.PressureStats;
import dev.casemate.protocol.agent.StallStats;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StatsContainerTest {
  private static dev.casemate.protocol.agent.CgroupStats message(int cpus) {
    CgroupStats stats =
        new CgroupStats(
            new CgroupStats.Cpu(11, 7, 4, 1, 2, 3, 4, 5, pressure(10)),
            new CgroupStats.Memory(
                100, 200, -1, 5, -1, 6, 7, 8, Map.of("kernel", 9L), pressure(20)),
            new CgroupStats.Pids(3, -1),
            List.of(),
            pressure(30),
            List.of(
                new CgroupStats.Hugepages("2MB", 10, 20, 30),
                new CgroupStats.Hugepages("1GB", 0, -1, 0)));
    return StatsContainer.cgroup(stats, Map.of("oom_kill", 8L), cpus);
  }

  private static Optional<Pressure> pressure(long from) {
    return Optional.of(
        new Pressure(
            Optional.of(new Pressure.Stall(from + 1, from + 2, from + 3, from + 4)),
            Optional.of(new Pressure.Stall(from + 5, from + 6, from + 7, from + 8))));
  }

  private static void assertPressure(Optional<PressureStats> pressure, long from) {
    StallStats some = pressure.orElseThrow().some().orElseThrow();
    assertThat(List.of(some.avg10(), some.avg60(), some.avg300(), some.total()))
        .containsExactly(from + 1, from + 2, from + 3, from + 4);
    StallStats full = pressure.orElseThrow().full().orElseThrow();
    assertThat(List.of(full.avg10(), full.avg60(), full.avg300(), full.total()))
        .containsExactly(from + 5, from + 6, from + 7, from + 8);
  }

  @Test
  void pressureAndBurstsOfEachResource() {
    var message = message(1);
    assertPressure(message.cpuStats().orElseThrow().pressure(), 10);
    assertPressure(message.memoryStats().orElseThrow().pressure(), 20);
    assertPressure(message.blkioStats().orElseThrow().pressure(), 30);
    var throttling = message.cpuStats().orElseThrow().throttlingData().orElseThrow();
    assertThat(throttling.bursts()).isEqualTo(4);
    assertThat(throttling.burstTime()).isEqualTo(5_000);
  }

  @Test
  void theTotalIsDividedAmongTheCpus() {
    assertThat(message(1).cpuStats().orElseThrow().cpuUsage().orElseThrow().percpuUsage())
        .containsExactly(11_000L);
    assertThat(message(3).cpuStats().orElseThrow().cpuUsage().orElseThrow().percpuUsage())
        .containsExactly(3667L, 3667L, 3666L);
  }

  @Test
  void memoryHasItsEventsAndNoLimitIsTheLargestNumber() {
    MemoryStats memory = message(1).memoryStats().orElseThrow();
    assertThat(memory.events()).containsExactly(Map.entry("oom_kill", 8L));
    assertThat(memory.usage().orElseThrow().limit()).isEqualTo(-1);
    assertThat(memory.swapUsage().orElseThrow().limit()).isEqualTo(-1);
    assertThat(memory.kernelUsage().orElseThrow().usage()).isEqualTo(9);
    assertThat(memory.kernelUsage().orElseThrow().limit()).isEqualTo(-1);
    assertThat(message(1).hugetlbStats())
        .hasEntrySatisfying("2MB", pages -> assertThat(pages.limit()).isEqualTo(20))
        .hasEntrySatisfying("1GB", pages -> assertThat(pages.limit()).isEqualTo(-1));
  }
}
