package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class EnvironmentTest {
  @Test
  void theLastOfRepeatedNamesCountsAndTheOrderStays() {
    assertThat(Environment.distinct(List.of("A=1", "B=2", "A=3", "AB=4", "C", "C")))
        .containsExactly("B=2", "A=3", "AB=4", "C");
    assertThat(Environment.distinct(List.of())).isEmpty();
  }

  @Test
  void aNameIsNotABeginningOfAnother() {
    assertThat(Environment.has(List.of("HOMES=1"), "HOME")).isFalse();
    assertThat(Environment.has(List.of("HOME="), "HOME")).isTrue();
  }
}
