package dev.casemate.commandline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SizesTest {
  @Test
  void readsSizesAsDockerDoes() {
    assertThat(Sizes.bytes("512")).contains(512L);
    assertThat(Sizes.bytes("17b")).contains(17L);
    assertThat(Sizes.bytes("64m")).contains(64L << 20);
    assertThat(Sizes.bytes("64MiB")).contains(64L << 20);
    assertThat(Sizes.bytes("2KB")).contains(2048L);
    assertThat(Sizes.bytes("1.5g")).contains(3L << 29);
    assertThat(Sizes.bytes(".5g")).contains(1L << 29);
    assertThat(Sizes.bytes("0.1k")).contains(102L);
    assertThat(Sizes.bytes("2 T")).contains(2L << 40);
    assertThat(Sizes.bytes("0.999999999p")).contains(1125899905716724L);
    for (String bad :
        List.of(
            "",
            "m",
            ".",
            "..",
            "3x",
            "1mm",
            "-5",
            "+5",
            "-1m",
            "1..5g",
            "1.-5g",
            "9999999999p",
            "1e3",
            "1e9g",
            "0x10")) {
      assertThat(Sizes.bytes(bad)).as(bad).isEmpty();
    }
  }

  @Test
  void writesSizes() {
    assertThat(Sizes.format(0)).isEqualTo("0B");
    assertThat(Sizes.format(1536)).isEqualTo("1.5KiB");
    assertThat(Sizes.format(128L << 20)).isEqualTo("128MiB");
    assertThat(Sizes.format(Long.MAX_VALUE)).endsWith("TiB");
  }

  @Test
  void readsDurationsAsGoDoes() {
    assertThat(Sizes.millis("5s")).contains(5000);
    assertThat(Sizes.millis("100ms")).contains(100);
    assertThat(Sizes.millis("1m30s")).contains(90_000);
    for (String bad : List.of("", "5", "s", "0s", "5d", "-5s", "99999999s", "1000h5")) {
      assertThat(Sizes.millis(bad)).as(bad).isEmpty();
    }
  }
}
