package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Memory that comes back to the host: what the guest frees, and what only the start needed. */
class MemoryReturnTest extends EndToEnd {
  private static final long MIB = 1 << 20;
  private static final int WRITTEN_MIB = 512;
  private static final int BACK_SECONDS = 10;

  @BeforeAll
  static void start() {
    detached("returns", "-m", "1g", "--tmpfs", "/t:size=600m", IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("returns");
  }

  private static Json.Obj vmm() {
    Json.Obj sandbox = inspect("returns").object("sandbox").orElseThrow();
    return sandbox.object("host").orElseThrow().objects("processes").getFirst();
  }

  private static long hostBytes() {
    return vmm().integer("pssBytes", 0);
  }

  /** KiB of the guest's kernel and initramfs that QEMU has mapped. */
  private static long startFiles(long pid) {
    boolean ours = false;
    long sum = 0;
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps"))) {
        if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
          ours = line.contains("/guest/kernel") || line.contains("/guest/initramfs");
        } else if (ours && line.startsWith("Rss:")) {
          sum += Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum;
  }

  @Test
  void whatOnlyTheStartNeededIsGivenBack() {
    long pid = vmm().integer("pid", 0);
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        () -> startFiles(pid) + " KiB of kernel and initramfs",
        () -> startFiles(pid) < 1024);
    // The VM was held meanwhile, and goes on.
    assertThat(ok("exec", "returns", "echo", "alive").out()).isEqualTo("alive\n");
  }

  @Test
  void whatTheGuestFreesIsBackWithinTenSeconds() {
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "the driver that reports free pages",
        () ->
            script("returns", "ls -d /sys/bus/virtio/drivers/virtio_balloon/virtio*").exit() == 0);
    ok("exec", "returns", "dd", "if=/dev/zero", "of=/t/file", "bs=1M", "count=" + WRITTEN_MIB);
    long written = hostBytes();
    assertThat(written).isGreaterThan(WRITTEN_MIB * MIB);
    ok("exec", "returns", "rm", "/t/file");
    Wait.until(
        BACK_SECONDS,
        () -> (written - hostBytes()) / MIB + " MiB of " + WRITTEN_MIB + " are back",
        () -> written - hostBytes() >= WRITTEN_MIB * MIB * 9 / 10);
  }
}
