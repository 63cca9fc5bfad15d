package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.oci.Json;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VmSizeTest {
  private static final VmSize CONFIGURED = new VmSize(256, 1);

  private static VmSize atStart(String memory, String quota, String period) {
    return VmSize.atStart(
        CONFIGURED,
        Map.of(
            "io.kubernetes.cri.sandbox-memory", memory,
            "io.kubernetes.cri.sandbox-cpu-quota", quota,
            "io.kubernetes.cri.sandbox-cpu-period", period));
  }

  private static Json.Obj limits(long memoryMib, long quota) {
    return Json.parseObject(
        "{\"memory\":{\"limit\":"
            + memoryMib * 1024 * 1024
            + "},\"cpu\":{\"quota\":"
            + quota
            + ",\"period\":100000}}");
  }

  @Test
  void theSandboxsAnnotationsCountAtTheStart() {
    assertThat(VmSize.atStart(CONFIGURED, Map.of())).isEqualTo(CONFIGURED);
    assertThat(atStart("0", "0", "100000")).isEqualTo(CONFIGURED);
    assertThat(atStart("536870912", "0", "100000")).isEqualTo(new VmSize(640, 1));
    assertThat(atStart("1048576", "0", "0")).isEqualTo(CONFIGURED);
    assertThat(atStart("0", "150000", "100000").vcpus())
        .isEqualTo(Math.min(2, VmSize.most(CONFIGURED).vcpus()));
  }

  @Test
  void nonsenseInAnnotationsDoesNoHarm() {
    assertThat(atStart("-5", "x", "")).isEqualTo(CONFIGURED);
    assertThat(atStart("999999999999999999999999", "9999999999", "1")).isEqualTo(CONFIGURED);
    VmSize most = VmSize.most(CONFIGURED);
    assertThat(atStart("900000000000000000", "900000000000000000", "1000")).isEqualTo(most);
    assertThat(most.memoryMib()).isGreaterThan(256);
    assertThat((most.memoryMib() - 256) % VmSize.BLOCK_MIB).isZero();
  }

  @Test
  void containersAddUp() {
    VmSize none = VmSize.wanted(CONFIGURED, CONFIGURED, List.of());
    assertThat(none).isEqualTo(CONFIGURED);
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, List.of(limits(200, 0), limits(300, 0)))
                .memoryMib())
        .isEqualTo(628);
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, List.of(limits(200, 0), limits(0, 0)))
                .memoryMib())
        .isEqualTo(128 + 200 + 256);
    int most = VmSize.most(CONFIGURED).vcpus();
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, List.of(limits(0, 70_000), limits(0, 70_000)))
                .vcpus())
        .isEqualTo(Math.min(2, most));
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, List.of(limits(1L << 40, Long.MAX_VALUE)))
                .vcpus())
        .isEqualTo(most);
    // What the sandbox was started with for all of them is not exceeded before they do.
    VmSize start = new VmSize(640, 2);
    assertThat(VmSize.wanted(CONFIGURED, start, List.of(limits(500, 50_000)))).isEqualTo(start);
  }
}
