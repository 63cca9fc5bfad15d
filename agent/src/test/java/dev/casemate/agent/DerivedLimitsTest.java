package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DerivedLimitsTest {
  private static final long BEFORE = 100_000;

  private static String scaled(String text, int first, long most) {
    return DerivedLimits.scale(text, first, most, BEFORE, 10 * BEFORE);
  }

  @Test
  void growsWithMemory() {
    assertThat(scaled("800", 0, 1 << 20)).isEqualTo("8000");
    assertThat(scaled("300\t400\t600", 0, 1 << 20)).isEqualTo("3000\t4000\t6000");
  }

  @Test
  void growsNotBeyondWhatTheKernelItselfGives() {
    assertThat(scaled("4096 131072 900000", 2, 6 << 20)).isEqualTo("4096\t131072\t6291456");
    assertThat(scaled("300000", 0, 1 << 18)).as("nor does it shrink").isEqualTo("300000");
  }

  @Test
  void leavesAloneWhatIsEndlessOrNoNumber() {
    assertThat(scaled("9223372036854775807", 0, Long.MAX_VALUE)).isEqualTo("9223372036854775807");
    assertThat(scaled("max", 0, 10)).isEqualTo("max");
  }
}
