package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import org.junit.jupiter.api.Test;

/** How much a VM and its container may use. */
class ResourcesTest extends EndToEnd {
  @Test
  void aSmallMemory() {
    Result result =
        ok("run", "--rm", "-m", "128m", IMAGE, "sh", "-c", "grep MemTotal /proc/meminfo; ps");
    long kib = Long.parseLong(result.value("MemTotal:").replaceAll("[^0-9]", ""));
    assertThat(kib).as(result.toString()).isBetween(32L << 10, 128L << 10);
  }

  @Test
  void processorsAndAFractionOfOne() {
    assertThat(ok("run", "--rm", "--cpus", "2", IMAGE, "nproc").out()).isEqualTo("2\n");
    Result half =
        ok("run", "--rm", "--cpus", "0.5", IMAGE, "sh", "-c", "nproc; cat /sys/fs/cgroup/cpu.max");
    assertThat(half.out()).isEqualTo("1\n50000 100000\n");
  }

  @Test
  void theScratchDiskTakesMoreThanTheMemory() {
    Result result =
        ok(
            "run",
            "--rm",
            "-m",
            "128m",
            IMAGE,
            "sh",
            "-c",
            "dd if=/dev/zero of=/big bs=1M count=160 2>&1; ls -l /big; df -m / | tail -1");
    assertThat(result.out()).contains("160+0 records out", "167772160");
  }

  @Test
  void withoutAScratchDisk() {
    Result result =
        ok(
            "run",
            "--rm",
            "-m",
            "128m",
            "--scratch",
            "0",
            IMAGE,
            "sh",
            "-c",
            "echo small > /small; cat /small; dd if=/dev/zero of=/big bs=1M count=160 2>&1; echo"
                + " then");
    assertThat(result.out()).startsWith("small\n").endsWith("then\n").contains("No space left");
  }

  @Test
  void aSmallScratchDiskFills() {
    Result result =
        ok(
            "run",
            "--rm",
            "--scratch",
            "32m",
            IMAGE,
            "sh",
            "-c",
            "dd if=/dev/zero of=/big bs=1M count=40 2>&1; echo then");
    assertThat(result.out()).endsWith("then\n").contains("No space left");
  }

  @Test
  void memoryThatIsUsedUp() {
    // tail keeps what it reads: the guest's kernel has to end it, and nothing but it.
    Result result =
        run("run", "--rm", "-m", "128m", IMAGE, "sh", "-c", "tail /dev/zero; echo tail=$?; exit 9");
    result.expect(9);
    assertThat(result.value("tail=")).isEqualTo("137");
  }
}
