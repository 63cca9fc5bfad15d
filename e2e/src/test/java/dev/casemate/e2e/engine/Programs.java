package dev.casemate.e2e.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A directory of links, the first of an engine's PATH: which containerd, runc and shims it finds.
 */
final class Programs {
  private static final List<Path> SYSTEM =
      List.of(
          Path.of("/usr/bin"),
          Path.of("/usr/sbin"),
          Path.of("/usr/local/bin"),
          Path.of("/usr/local/sbin"));
  private static final List<Path> NEWER =
      List.of(Places.ENGINES.resolve("usr/sbin"), Places.ENGINES.resolve("usr/bin"));

  private final Path directory;

  /**
   * @param newer from newer Debian suites, as scripts/engines.sh has unpacked them; else this
   *     system's
   */
  Programs(Path directory, boolean newer, List<String> names) {
    this.directory = directory;
    try {
      Files.createDirectories(directory);
      for (String name : names) {
        link(name, find(newer ? NEWER : SYSTEM, name));
      }
      if (RuntimeUnderTest.chosen().hasVm()) {
        link("containerd-shim-casemate-v2", RuntimeUnderTest.shim());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An engine of an earlier class of this run had the same directory. */
  private void link(String name, Path target) throws IOException {
    Files.deleteIfExists(directory.resolve(name));
    Files.createSymbolicLink(directory.resolve(name), target);
  }

  private static Path find(List<Path> directories, String name) throws IOException {
    for (Path parent : directories) {
      if (Files.isExecutable(parent.resolve(name))) {
        return parent.resolve(name).toRealPath();
      }
    }
    throw new AssertionError(
        name
            + " is in none of "
            + directories
            + "; run scripts/packages.sh and scripts/engines.sh");
  }

  String program(String name) {
    return directory.resolve(name).toString();
  }

  String path() {
    return directory + ":/usr/sbin:/usr/bin:/sbin:/bin";
  }
}
