package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProcTextTest {
  @Test
  void readsMemory() {
    String text = "MemTotal:         245760 kB\nMemTotalX: 1 kB\nHugePages_Total:       3\n";
    assertThat(ProcText.memInfo(text, "MemTotal")).isEqualTo(245760L * 1024);
    assertThat(ProcText.memInfo(text, "MemFree")).isZero();
    assertThat(ProcText.memInfo("MemTotal:", "MemTotal")).isZero();
    assertThat(ProcText.residentBytes("100 7 3 1 0 2 0\n")).isEqualTo(7 * 4096L);
    assertThat(ProcText.residentBytes("")).isZero();
  }

  @Test
  void readsInterfacesWithOddNames() {
    List<ProcText.NetDev> devices =
        ProcText.netDev(
            """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
              eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
            "}\\x: 18446744073709551615 x 0 0 0 0 0 0 0 0 0 0 0 0 0 0
              bad0: 1 2
            """);
    assertThat(devices).hasSize(2);
    assertThat(devices.get(0).name()).isEqualTo("eth0");
    assertThat(devices.get(0).values().get(8)).isEqualTo(9);
    assertThat(devices.get(1).values().get(0)).isZero();
    assertThat(GetMetrics.network(ProcText.netDev("\"}\\x: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")))
        .contains("interface=\"?}?x\"");
  }

  @Test
  void namesMetrics() {
    assertThat(GetMetrics.label("Active(anon)")).isEqualTo("active_anon");
    assertThat(GetMetrics.memory("Active(anon):  3 kB\nHugePages_Free: 0\nrubbish\n"))
        .contains("kata_guest_meminfo{item=\"active_anon\"} 3072\n")
        .doesNotContain("rubbish");
    assertThat(GetMetrics.load("0.10 0.20 0.30 1/60 99\n"))
        .contains("kata_guest_load{item=\"load15\"} 0.30\n");
    assertThat(GetMetrics.cpu("cpu  1 2 3 4\ncpu0 5 6\nintr 9\n"))
        .contains("kata_guest_cpu_time{cpu=\"total\",item=\"idle\"} 4\n")
        .contains("kata_guest_cpu_time{cpu=\"cpu0\",item=\"nice\"} 6\n")
        .doesNotContain("intr");
  }

  @Test
  void countsKills() {
    assertThat(OomWatch.kills("low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n"))
        .isEqualTo(3);
    assertThat(OomWatch.kills("oom_kill\noom_kill x y\n")).isZero();
    assertThat(OomWatch.kills("oom_kill ?\n")).isZero();
  }

  @Test
  void countsTheCpusOfAList() {
    assertThat(ProcText.cpus("0")).isEqualTo(1);
    assertThat(ProcText.cpus("0-3")).isEqualTo(4);
    assertThat(ProcText.cpus("0-2,5,7-8")).isEqualTo(6);
    assertThat(ProcText.cpus("")).isZero();
    assertThat(ProcText.onlineCpus()).isPositive();
  }

  @Test
  void readsFields() {
    assertThat(ProcText.fields("low 0\nhigh 1\noom_kill 12\nodd\n"))
        .containsExactly(Map.entry("low", 0L), Map.entry("high", 1L), Map.entry("oom_kill", 12L));
  }
}
