package dev.casemate.e2e.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The default guest's initramfs with the hostile agent ({@code HostileMain} in the agent's tests)
 * in place of the agent: the kernel unpacks an archive that follows another over it.
 */
public final class HostileInitramfs {
  private static final Path DEFAULT = Path.of("/var/lib/casemate/guest/default/initramfs.cpio");
  private static final Path AGENT = Path.of("..", "build", "hostile-agent");
  private static final int ALIGNMENT = 512;

  private HostileInitramfs() {}

  /**
   * Writes it.
   *
   * @param roles to play from the first moment on, or empty
   */
  public static Path write(Path target, String roles) {
    if (!Files.isExecutable(AGENT)) {
      throw new AssertionError(AGENT + " is not there; build it: make hostile-agent");
    }
    try {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      all.writeBytes(Files.readAllBytes(DEFAULT));
      all.writeBytes(new byte[-all.size() & (ALIGNMENT - 1)]);
      entry(all, "init", 0100755, Files.readAllBytes(AGENT));
      entry(all, "hostile", 0100600, roles.getBytes(StandardCharsets.UTF_8));
      end(all);
      Files.createDirectories(target.getParent());
      return Files.write(target, all.toByteArray());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file in the "newc" format of the kernel's documentation. */
  public static void entry(ByteArrayOutputStream out, String name, int mode, byte[] content) {
    StringBuilder head = new StringBuilder("070701");
    int[] fields = {1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length() + 1, 0};
    for (int field : fields) {
      String hex = Integer.toHexString(field);
      head.append("0".repeat(8 - hex.length())).append(hex);
    }
    out.writeBytes(head.append(name).append('\0').toString().getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(new byte[-out.size() & 3]);
    out.writeBytes(content);
    out.writeBytes(new byte[-out.size() & 3]);
  }

  /** The archive's end. */
  public static void end(ByteArrayOutputStream out) {
    entry(out, "TRAILER!!!", 0, new byte[0]);
  }
}
