package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProcessMemoryTest {
  @Test
  void theExecutablesPagesAreGivenBackAndComeBackWhenUsed() {
    // On a virtual machine the executable is the small launcher; its code has run by now.
    long first = ProcessMemory.releaseUnchanged();
    long second = ProcessMemory.releaseUnchanged();

    assertThat(first).isPositive().isEqualTo(second);
    assertThat(first % 4096).isZero();
    assertThat(Fs.readLink("/proc/self/exe")).endsWith("java");
  }
}
