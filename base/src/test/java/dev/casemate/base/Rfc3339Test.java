package dev.casemate.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Rfc3339Test {
  @Test
  void agreesWithTheLibrary() {
    Random random = new Random(7);
    for (int i = 0; i < 10_000; i++) {
      long millis = random.nextLong(-2_000_000_000_000L, 8_000_000_000_000L);
      assertThat(Instant.parse(Rfc3339.millis(millis)).toEpochMilli()).isEqualTo(millis);
      long seconds = Math.floorDiv(millis, 1000L);
      assertThat(Rfc3339.seconds(seconds)).isEqualTo(Instant.ofEpochSecond(seconds).toString());
    }
    assertThat(Rfc3339.millis(951_782_400_000L)).isEqualTo("2000-02-29T00:00:00.000Z");
    assertThat(Rfc3339.nanos(951_782_400, 5)).isEqualTo("2000-02-29T00:00:00.000000005Z");
  }
}
