package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VmSizeTest {
  private static final VmSize CONFIGURED = new VmSize(256, 1);
  private static final VmSize MOST = new VmSize(8192, 4);

  private static VmSize atStart(String memory, String quota, String period) {
    return VmSize.atStart(
        CONFIGURED,
        MOST,
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
    assertThat(VmSize.atStart(CONFIGURED, MOST, Map.of())).isEqualTo(CONFIGURED);
    assertThat(atStart("0", "0", "100000")).isEqualTo(CONFIGURED);
    assertThat(atStart("536870912", "0", "100000")).isEqualTo(new VmSize(640, 1));
    assertThat(atStart("1048576", "0", "0")).isEqualTo(CONFIGURED);
    assertThat(atStart("0", "150000", "100000").vcpus()).isEqualTo(2);
  }

  @Test
  void nonsenseInAnnotationsDoesNoHarm() {
    assertThat(atStart("-5", "x", "")).isEqualTo(CONFIGURED);
    assertThat(atStart("999999999999999999999999", "9999999999", "1")).isEqualTo(CONFIGURED);
    assertThat(atStart("900000000000000000", "900000000000000000", "1000")).isEqualTo(MOST);
    assertThat(VmSize.ofHost().memoryMib()).isGreaterThan(256);
    assertThat(new VmSize(200, 2).growingTo(new VmSize(500, 1))).isEqualTo(new VmSize(456, 2));
  }

  @Test
  void containersAddUp() {
    VmSize none = VmSize.wanted(CONFIGURED, CONFIGURED, MOST, List.of());
    assertThat(none).isEqualTo(CONFIGURED);
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, MOST, List.of(limits(200, 0), limits(300, 0)))
                .memoryMib())
        .isEqualTo(628);
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, MOST, List.of(limits(200, 0), limits(0, 0)))
                .memoryMib())
        .isEqualTo(128 + 200 + 256);
    assertThat(
            VmSize.wanted(
                    CONFIGURED, CONFIGURED, MOST, List.of(limits(0, 70_000), limits(0, 70_000)))
                .vcpus())
        .isEqualTo(2);
    assertThat(
            VmSize.wanted(CONFIGURED, CONFIGURED, MOST, List.of(limits(1L << 40, Long.MAX_VALUE)))
                .vcpus())
        .isEqualTo(MOST.vcpus());
    // What the sandbox was started with for all of them is not exceeded before they do.
    VmSize start = new VmSize(640, 2);
    assertThat(VmSize.wanted(CONFIGURED, start, MOST, List.of(limits(500, 50_000))))
        .isEqualTo(start);
  }
}
