package dev.casemate.e2e;

import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The program {@code probe.c}, static, in a directory that a test gives its containers. */
final class Probe {
  private Probe() {}

  /** Compiles it below a directory of the host; returns the volume with {@code /tools/probe}. */
  static String volume(Path host) {
    Path directory = host.resolve("bin");
    try (InputStream source = Probe.class.getResourceAsStream("/probe.c")) {
      Files.createDirectories(directory);
      Files.write(directory.resolve("probe.c"), source.readAllBytes());
      Shell.run("cd '" + directory + "' && gcc -static -O1 -o probe probe.c && rm probe.c");
      return directory + ":/tools:ro";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
