package dev.casemate.qemu;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

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
      run("/usr/bin/musl-gcc", "-static", "-Os", "-o", init.toString(), "src/test/c/testinit.c");
      ByteArrayOutputStream archive = new ByteArrayOutputStream();
      archive.write(Files.readAllBytes(Path.of(DIRECTORY, "initramfs.cpio")));
      while (archive.size() % 4 != 0) {
        archive.write(0);
      }
      entry(archive, "init", 0100755, Files.readAllBytes(init));
      entry(archive, "TRAILER!!!", 0, new byte[0]);
      Path result = directory.resolve("initramfs.cpio");
      Files.write(result, archive.toByteArray());
      Files.delete(init);
      result.toFile().deleteOnExit();
      return result;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void run(String... command) {
    try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      int pid =
          Spawn.program(command[0], List.of(command)).stdio(nothing, nothing, Fd.STDERR).start();
      if (Processes.waitFor(pid, 0).orElseThrow().exitStatus() != 0) {
        throw new IllegalStateException("failed: " + String.join(" ", command));
      }
    }
  }

  /** One file of a cpio archive of the "newc" kind. */
  private static void entry(ByteArrayOutputStream out, String name, int mode, byte[] content) {
    StringBuilder header = new StringBuilder("070701");
    int[] fields = {1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length() + 1, 0};
    for (int field : fields) {
      String hex = Integer.toHexString(field);
      header.repeat('0', 8 - hex.length()).append(hex);
    }
    header.append(name).append('\0');
    header.repeat('\0', (4 - header.length() % 4) % 4);
    out.writeBytes(header.toString().getBytes(StandardCharsets.ISO_8859_1));
    out.writeBytes(content);
    out.writeBytes(new byte[(4 - content.length % 4) % 4]);
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
