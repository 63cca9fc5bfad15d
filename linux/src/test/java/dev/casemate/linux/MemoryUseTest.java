package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MemoryUseTest {
  private static final String ROLLUP =
      """
      00400000-7fff0000 ---p 00000000 00:00 0                          [rollup]
      Rss:                 900 kB
      Pss:                 500 kB
      Pss_Dirty:           250 kB
      Shared_Clean:        500 kB
      Shared_Dirty:          0 kB
      Private_Clean:       100 kB
      Private_Dirty:       300 kB
      Shared_Hugetlb:        0 kB
      Private_Hugetlb:    2048 kB
      """;

  @Test
  void readsWhatTheKernelAddsUp() {
    MemoryUse use = MemoryUse.parse(ROLLUP).orElseThrow();
    assertThat(use.proportionalBytes()).isEqualTo((500 + 2048) * 1024);
    assertThat(use.privateBytes()).isEqualTo((100 + 300 + 2048) * 1024);
    assertThat(use.sharedBytes()).isEqualTo(100 * 1024);
  }

  @Test
  void aMissingFigureIsNotZero() {
    assertThat(MemoryUse.parse("")).isEmpty();
    assertThat(MemoryUse.parse(ROLLUP.replace("Pss:", "Mss:"))).isEmpty();
    assertThat(MemoryUse.parse(ROLLUP.replace("Private_Dirty", "Private_Other"))).isEmpty();
    assertThat(MemoryUse.parse(ROLLUP.replace("500 kB", "many kB"))).isEmpty();
    assertThat(MemoryUse.of(Integer.MAX_VALUE)).isEmpty();
    assertThat(MemoryUse.withChildren(Integer.MAX_VALUE)).isEmpty();
  }

  @Test
  void aProcessWithItsChildren() throws Exception {
    // A shell that does not become its last command.
    Process shell = new ProcessBuilder("sh", "-c", "sleep 100; true").start();
    try {
      int pid = (int) shell.pid();
      for (int i = 0; i < 100 && shell.children().findAny().isEmpty(); i++) {
        Thread.sleep(20);
      }
      MemoryUse alone = MemoryUse.of(pid).orElseThrow();
      MemoryUse both = MemoryUse.withChildren(pid).orElseThrow();
      assertThat(alone.privateBytes()).isPositive();
      assertThat(both.privateBytes()).isGreaterThan(alone.privateBytes());
    } finally {
      shell.descendants().forEach(ProcessHandle::destroyForcibly);
      shell.destroyForcibly().waitFor();
    }
  }
}
