package dev.casemate.ocicli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class SizesTest {
  @Test
  void sizesAreThoseOfDocker() {
    assertThat(Sizes.bytes("memory", "512")).isEqualTo(512);
    assertThat(Sizes.bytes("memory", "-1")).isEqualTo(-1);
    assertThat(Sizes.bytes("memory", "64m")).isEqualTo(64L << 20);
    assertThat(Sizes.bytes("memory", "64MiB")).isEqualTo(64L << 20);
    assertThat(Sizes.bytes("memory", "1.5g")).isEqualTo(3L << 29);
    assertThat(Sizes.bytes("memory", "0.1k")).isEqualTo(102);
    assertThat(Sizes.bytes("memory", "2 T")).isEqualTo(2L << 40);
    assertThat(Sizes.bytes("memory", "0.999999999p")).isEqualTo(1125899905716724L);
    for (String bad : List.of("", "m", "3x", "-5", "1..5g", ".5g", "9999999999p", "1e3", "0x10")) {
      assertThatThrownBy(() -> Sizes.bytes("memory", bad))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("--memory is \"" + bad + "\"");
    }
  }

  @Test
  void durationsAreThoseOfGo() {
    assertThat(Sizes.millis("interval", "5s")).isEqualTo(5000);
    assertThat(Sizes.millis("interval", "100ms")).isEqualTo(100);
    assertThat(Sizes.millis("interval", "1m30s")).isEqualTo(90_000);
    for (String bad : List.of("", "5", "s", "0s", "5d", "-5s", "99999999s", "1000h5")) {
      assertThatThrownBy(() -> Sizes.millis("interval", bad))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("\"" + bad + "\"");
    }
  }
}
