package dev.casemate.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TimestampTest {
  @Test
  void pointsInTimeAreThoseOfTheLibrary() {
    assertThat(Timestamp.of(0, -1)).isEqualTo("1970-01-01T00:00:00Z");
    assertThat(Timestamp.of(951_782_400, 5)).isEqualTo("2000-02-29T00:00:00.000000005Z");
    Random random = new Random(1);
    for (int i = 0; i < 10_000; i++) {
      long seconds = random.nextLong(253_402_300_800L);
      assertThat(Timestamp.of(seconds, -1)).isEqualTo(Instant.ofEpochSecond(seconds).toString());
    }
  }

  @Test
  void nowIsNow() {
    Instant now = Instant.parse(Timestamp.nanos());
    assertThat(now).isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(60));
    assertThat(Instant.parse(Timestamp.seconds()))
        .isBetween(now.minusSeconds(2), now.plusSeconds(60));
  }
}
