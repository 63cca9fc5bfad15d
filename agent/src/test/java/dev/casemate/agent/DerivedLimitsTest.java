package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class DerivedLimitsTest {
  /** What kernel 6.1 had in VMs of 1 and 4 GiB that booted with their memory. */
  @Test
  void areThoseOfAKernelThatBootsWithTheMemory() {
    assertThat(first(996_752, "kernel/threads-max")).isCloseTo(7633, Percentage.withPercentage(5));
    assertThat(first(4_022_412, "kernel/threads-max"))
        .isCloseTo(31_271, Percentage.withPercentage(5));
    assertThat(first(996_752, "fs/file-max")).isCloseTo(97_262, Percentage.withPercentage(5));
    assertThat(first(996_752, "fs/epoll/max_user_watches"))
        .isCloseTo(217_510, Percentage.withPercentage(5));
    assertThat(first(996_752, "fs/inotify/max_user_watches")).isEqualTo(8192);
    assertThat(first(4_022_412, "fs/inotify/max_user_watches"))
        .isCloseTo(30_494, Percentage.withPercentage(5));
    assertThat(first(996_752, "net/ipv4/tcp_mem")).isCloseTo(10_656, Percentage.withPercentage(15));
    assertThat(first(996_752, "user/max_user_namespaces"))
        .isCloseTo(3816, Percentage.withPercentage(5));
    assertThat(DerivedLimits.of(996_752).get("net/ipv4/tcp_rmem"))
        .containsExactly(0L, 0L, 6L << 20);
  }

  private static long first(long kib, String name) {
    return java.util.Objects.requireNonNull(DerivedLimits.of(kib).get(name)).getFirst();
  }

  @Test
  void raisesOnlyWhatIsSmaller() {
    assertThat(DerivedLimits.raised("800", List.of(7000L))).isEqualTo("7000");
    assertThat(DerivedLimits.raised("4096\t131072\t900000", List.of(0L, 0L, 1L << 22)))
        .isEqualTo("4096\t131072\t4194304");
    assertThat(DerivedLimits.raised("9223372036854775807", List.of(5L)))
        .isEqualTo("9223372036854775807");
  }

  @Test
  void leavesAloneWhatItDoesNotUnderstand() {
    assertThat(DerivedLimits.raised("max", List.of(5L))).isEqualTo("max");
    assertThat(DerivedLimits.raised("1\t2", List.of(5L))).isEqualTo("1\t2");
  }
}
