package dev.casemate.e2e.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The runtime that the engines use: Casemate, or runc to see whether the tests themselves are right
 * ({@code -Dengine.runtime=runc}).
 */
public enum RuntimeUnderTest {
  CASEMATE("io.containerd.casemate.v2"),
  RUNC("io.containerd.runc.v2");

  private final String type;

  RuntimeUnderTest(String type) {
    this.type = type;
  }

  public static RuntimeUnderTest chosen() {
    return "runc".equals(System.getProperty("engine.runtime", System.getenv("ENGINE_RUNTIME")))
        ? RUNC
        : CASEMATE;
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
    Path path = Path.of(given == null || given.isEmpty() ? "../build/casemate" : given);
    if (!Files.isExecutable(path)) {
      throw new AssertionError(
          path.toAbsolutePath()
              + " is not there; build it first (make build), or name the shim with -Dcasemate.shim=FILE");
    }
    try {
      return path.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
