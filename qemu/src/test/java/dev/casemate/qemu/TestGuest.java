package dev.casemate.qemu;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.testsupport.NewcArchive;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A real guest for tests: the kernel and modules of {@code casemate guest build} with a small PID 1
 * (src/test/c/testinit.c) laid over its initramfs.
 */
public final class TestGuest {
  public static final String DIRECTORY =
      System.getProperty("casemate.test.guest", "/var/lib/casemate/guest/default");

  public static final dev.casemate.jail.JailUser USER =
      new dev.casemate.jail.JailUser(1_900_070_000, 1_900_070_000);

  public static final String KERNEL = DIRECTORY + "/vmlinux";
  private static final String BASE =
      "virtio_ring,virtio,virtio_pci_modern_dev,virtio_pci_legacy_dev,virtio_pci,virtio_console";

  private TestGuest() {}

  private static final class Holder {
    static final Path INITRAMFS = build();
  }

  /** The initramfs, made once a test run. */
  public static String initramfs() {
    return Holder.INITRAMFS.toString();
  }

  /** Kernel parameter that loads what the channel needs, and more. */
  public static String modules(String more) {
    return "test.modules=" + BASE + (more.isEmpty() ? "" : "," + more);
  }

  private static Path build() {
    try {
      Path directory = Files.createTempDirectory("casemate-test-guest");
      directory.toFile().deleteOnExit();
      Path init = directory.resolve("init");
      Shell.program(
          "/usr/bin/musl-gcc", "-static", "-Os", "-o", init.toString(), "src/test/c/testinit.c");
      Path result = directory.resolve("initramfs.cpio");
      Files.write(
          result,
          NewcArchive.over(Files.readAllBytes(Path.of(DIRECTORY, "initramfs.cpio")))
              .entry("init", 0100755, Files.readAllBytes(init))
              .bytes());
      Files.delete(init);
      result.toFile().deleteOnExit();
      return result;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** One command to the guest's PID 1, its answer; waits up to 30 seconds. */
  public static String ask(Fd channel, String command) {
    channel.writeAll((command + "\n").getBytes(StandardCharsets.UTF_8));
    StringBuilder answer = new StringBuilder();
    byte[] one = new byte[1];
    long deadline = System.nanoTime() + 30_000_000_000L;
    while (System.nanoTime() < deadline) {
      if (Poll.await(channel, Poll.IN, 1000) == 0) {
        continue;
      }
      int n = channel.read(one, 0, 1);
      if (n == Fd.END) {
        throw new IllegalStateException("the guest's channel ended after \"" + command + "\"");
      }
      if (one[0] == '\n') {
        return answer.toString();
      }
      answer.append((char) one[0]);
    }
    throw new IllegalStateException("no answer to \"" + command + "\"");
  }
}
