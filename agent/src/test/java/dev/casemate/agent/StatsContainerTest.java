package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.cgroup.CgroupStats;
import dev.casemate.protocol.agent.MemoryStats;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StatsContainerTest {
  private static dev.casemate.protocol.agent.CgroupStats message(int cpus) {
    CgroupStats stats =
        new CgroupStats(
            new CgroupStats.Cpu(11, 7, 4, 1, 2, 3),
            new CgroupStats.Memory(100, 200, -1, 5, -1, 6, 7, 8, Map.of("kernel", 9L)),
            new CgroupStats.Pids(3, -1),
            List.of(),
            List.of(
                new CgroupStats.Hugepages("2MB", 10, 20, 30),
                new CgroupStats.Hugepages("1GB", 0, -1, 0)));
    return StatsContainer.cgroup(stats, Map.of("oom_kill", 8L), cpus);
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
