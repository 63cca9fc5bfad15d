package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class KnownFilesTest {
  private static final long LIMIT = 8000;

  private final List<String> warnings = new ArrayList<>();
  private long count;
  private long held;
  private int asked;

  private final KnownFiles files =
      new KnownFiles(
          () -> count,
          LIMIT,
          () -> {
            asked++;
            count = Math.min(count, held);
          },
          warnings::add);

  private int asked(long now) {
    count = now;
    asked = 0;
    files.check();
    return asked;
  }

  @Test
  void theGuestForgetsAtHalfOfTheLimitAndNotBefore() {
    assertThat(asked(3999)).isZero();
    assertThat(asked(4000)).isOne();
    assertThat(count).isZero();
    assertThat(asked(3999)).isZero();
    assertThat(asked(4001)).isOne();
    assertThat(warnings).isEmpty();
  }

  @Test
  void whatStaysOpenIsNotAskedForAgainUntilMoreHasCome() {
    held = 5000;
    assertThat(asked(5000)).isOne();
    assertThat(asked(5999)).isZero();
    assertThat(asked(6000)).isOne();
    held = 0;
    // Once few are left, half of the limit counts again.
    assertThat(asked(100)).isZero();
    assertThat(asked(4000)).isOne();
  }

  @Test
  void whatTheDaemonClosesLaterCountsAsForgotten() {
    held = 7900;
    assertThat(asked(7400)).isOne();
    // It has closed a part of it by now, and then the rest.
    assertThat(asked(5000)).isZero();
    assertThat(asked(1000)).isZero();
    assertThat(asked(4000)).isOne();
    assertThat(asked(7999)).isOne();
    assertThat(warnings).isEmpty();
  }

  @Test
  void aFullDaemonIsAlwaysAskedFor() {
    held = 8000;
    for (int i = 0; i < 3; i++) {
      assertThat(asked(8000)).isOne();
    }
  }

  @Test
  void processesThatHoldNearlyAllAreWarnedOfOnce() {
    held = 7500;
    assertThat(asked(7500)).isOne();
    assertThat(asked(8500)).isOne();
    assertThat(warnings).singleElement().asString().contains("hold 7500 files", "may open 8000");
  }
}
