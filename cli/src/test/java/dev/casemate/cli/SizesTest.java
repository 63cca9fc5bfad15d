package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SizesTest {
  @Test
  void readsAmounts() {
    assertThat(Sizes.parse("128m")).contains(128L << 20);
    assertThat(Sizes.parse("1.5GiB")).contains(3L << 29);
    assertThat(Sizes.parse("2KB")).contains(2048L);
    assertThat(Sizes.parse("17")).contains(17L);
    assertThat(Sizes.parse("17b")).contains(17L);
    for (String none : List.of("", "m", "1x", "1mm", "-1m", "1e9g", "..", "9999999t")) {
      assertThat(Sizes.parse(none)).as(none).isEmpty();
    }
  }

  @Test
  void writesAmounts() {
    assertThat(Sizes.format(0)).isEqualTo("0B");
    assertThat(Sizes.format(1536)).isEqualTo("1.5KiB");
    assertThat(Sizes.format(128L << 20)).isEqualTo("128MiB");
    assertThat(Sizes.format(Long.MAX_VALUE)).endsWith("TiB");
  }
}
