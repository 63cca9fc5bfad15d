package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.protocol.cri.LinuxContainerResources;
import dev.casemate.protocol.google.Any;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class PodResourcesTest {
  private static Json.Obj of(String type, byte[] value) {
    return PodResources.of(Any.builder().typeUrl(type).value(value).build());
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void bothLanguagesSayTheSame() {
    byte[] cri =
        LinuxContainerResources.builder()
            .memoryLimitInBytes(1L << 30)
            .cpuQuota(150_000)
            .cpuPeriod(100_000)
            .build()
            .encode();
    String oci = "{\"memory\":{\"limit\":1073741824},\"cpu\":{\"quota\":150000,\"period\":100000}}";

    assertThat(of("runtime.v1.LinuxContainerResources", cri).text()).isEqualTo(oci);
    assertThat(of("type.googleapis.com/runtime.v1.LinuxContainerResources", cri).text())
        .isEqualTo(oci);
    assertThat(
            of("types.containerd.io/opencontainers/runtime-spec/1/LinuxResources", text(oci))
                .text())
        .isEqualTo(oci);
  }

  @Test
  void anotherTypeAndRubbishAreRefused() {
    assertThatThrownBy(() -> of("example.com/Sizes", new byte[0]))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("example.com/Sizes")
        .hasMessageContaining("runtime.v1.LinuxContainerResources");
    assertThatThrownBy(
            () -> of("runtime.v1.LinuxContainerResources", new byte[] {(byte) 0xff, 1, 2}))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("are not a valid runtime.v1.LinuxContainerResources");
    assertThatThrownBy(
            () -> of("types.containerd.io/opencontainers/runtime-spec/1/LinuxResources", text("{")))
        .isInstanceOf(CasemateException.class);
  }
}
