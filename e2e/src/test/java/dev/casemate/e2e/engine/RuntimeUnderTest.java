package dev.casemate.e2e.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The runtime that the engines use: Casemate; runc, to see whether the tests themselves are right
 * ({@code -Dengine.runtime=runc}); for pods also the cell in runc's place ({@code cell}).
 */
public enum RuntimeUnderTest {
  CASEMATE("io.containerd.casemate.v2"),
  RUNC("io.containerd.runc.v2"),
  CELL("io.containerd.runc.v2");

  private final String type;

  RuntimeUnderTest(String type) {
    this.type = type;
  }

  public static RuntimeUnderTest chosen() {
    String name = System.getProperty("engine.runtime", System.getenv("ENGINE_RUNTIME"));
    return name == null || name.isEmpty()
        ? CASEMATE
        : RuntimeUnderTest.valueOf(name.toUpperCase(Locale.ROOT));
  }

  /** As containerd names it. */
  public String type() {
    return type;
  }

  public boolean hasVm() {
    return this == CASEMATE;
  }

  /** What answers to {@code containerd-shim-casemate-v2}. */
  static Path shim() {
    String given = System.getProperty("casemate.shim", System.getenv("CASEMATE_SHIM"));
    return executable(given == null || given.isEmpty() ? "../build/casemate" : given);
  }

  static Path cell() {
    return executable("../build/casemate-cell");
  }

  private static Path executable(String name) {
    Path path = Path.of(name);
    if (!Files.isExecutable(path)) {
      throw new AssertionError(
          path.toAbsolutePath() + " is not there; build it first (make build)");
    }
    try {
      return path.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
