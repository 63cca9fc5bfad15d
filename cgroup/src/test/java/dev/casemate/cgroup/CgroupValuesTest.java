package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.oci.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CgroupValuesTest {
  private static List<String> settings(String json) {
    List<String> lines = new ArrayList<>();
    for (CgroupValues.Setting setting :
        CgroupValues.settings(Resources.fromJson(Json.parseObject(json)))) {
      lines.add(setting.file() + "=" + setting.value());
    }
    return lines;
  }

  @Test
  void weightsCoverTheWholeRange() {
    assertThat(CgroupValues.cpuWeight(2)).isEqualTo(1);
    assertThat(CgroupValues.cpuWeight(1024)).isEqualTo(39);
    assertThat(CgroupValues.cpuWeight(262144)).isEqualTo(10000);
    assertThat(CgroupValues.cpuWeight(1 << 30)).isEqualTo(10000);
    assertThat(CgroupValues.ioWeight(10)).isEqualTo(1);
    assertThat(CgroupValues.ioWeight(1000)).isEqualTo(10000);
  }

  @Test
  void resourcesOfADockerRunAreTranslated() {
    assertThat(
            settings(
                """
                {"memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432},
                 "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1"},
                 "pids": {"limit": 100},
                 "blockIO": {"weight": 500,
                   "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1048576}]},
                 "hugepageLimits": [{"pageSize": "2MB", "limit": 18446744073709551615}],
                 "unified": {"memory.high": "1000"}}
                """))
        .containsExactly(
            "memory.swap.max=67108864",
            "memory.max=67108864",
            "memory.low=33554432",
            "cpu.weight=20",
            "cpu.max=50000 100000",
            "cpuset.cpus=0-1",
            "pids.max=100",
            "io.weight=default 4950",
            "io.max=8:0 rbps=1048576",
            "hugetlb.2MB.max=18446744073709551615",
            "hugetlb.2MB.rsvd.max=18446744073709551615",
            "memory.high=1000");
  }

  @Test
  void noLimitIsMax() {
    assertThat(settings("{\"memory\": {\"limit\": -1}, \"pids\": {\"limit\": -1}}"))
        .containsExactly("memory.swap.max=max", "memory.max=max", "pids.max=max");
    assertThat(settings("{\"cpu\": {\"quota\": -1}}")).containsExactly("cpu.max=max 100000");
    assertThat(settings("{\"memory\": {\"limit\": 0}}")).isEmpty();
  }

  @Test
  void noProcessesMeansOne() {
    assertThat(settings("{\"pids\": {\"limit\": 0}}")).containsExactly("pids.max=1");
  }

  @Test
  void whatCannotBeIsRefused() {
    assertThatThrownBy(() -> settings("{\"memory\": {\"limit\": 10, \"swap\": 5}}"))
        .hasMessageContaining("at least memory.limit");
    assertThatThrownBy(() -> settings("{\"unified\": {\"../x\": \"1\"}}"))
        .hasMessageContaining("is not a valid name");
    assertThatThrownBy(() -> settings("{\"unified\": {\"cgroup.procs\": \"1\"}}"))
        .hasMessageContaining("cgroup.procs");
  }

  @Test
  void statisticsAreRead() {
    CgroupStats.Cpu cpu =
        CgroupFiles.cpu(
            "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_throttled 3\nodd\nnr_bursts 4\n"
                + "burst_usec 5\n",
            Optional.empty());
    assertThat(cpu.totalMicros()).isEqualTo(30);
    assertThat(cpu.throttledPeriods()).isEqualTo(3);
    assertThat(cpu.bursts()).isEqualTo(4);
    assertThat(cpu.burstMicros()).isEqualTo(5);
    assertThat(CgroupFiles.io("8:0 rbytes=5 wbytes=6 rios=1 wios=2 dbytes=0 dios=0\n253:1 \n"))
        .containsExactly(
            new CgroupStats.Io(8, 0, 5, 6, 1, 2, 0, 0),
            new CgroupStats.Io(253, 1, 0, 0, 0, 0, 0, 0));
  }
}
