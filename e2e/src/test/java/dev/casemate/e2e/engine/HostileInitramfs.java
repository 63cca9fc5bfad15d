package dev.casemate.e2e.engine;

import dev.casemate.testsupport.NewcArchive;
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
      byte[] archive =
          NewcArchive.over(Files.readAllBytes(DEFAULT))
              .entry("init", 0100755, Files.readAllBytes(AGENT))
              .entry("hostile", 0100600, roles.getBytes(StandardCharsets.UTF_8))
              .bytes();
      Files.createDirectories(target.getParent());
      return Files.write(target, archive);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Writes it and a configuration of the shim that names it.
   *
   * @return the configuration's file
   */
  public static Path config(Path directory, String roles) {
    Path initramfs = write(directory.resolve("hostile.cpio"), roles);
    try {
      return Files.writeString(
          directory.resolve("casemate.toml"), "[vm]\ninitramfs = \"" + initramfs + "\"\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
