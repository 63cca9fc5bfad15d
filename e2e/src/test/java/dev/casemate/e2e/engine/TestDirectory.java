package dev.casemate.e2e.engine;

import java.nio.file.Path;

/** Where tests keep files: one directory for all runs that see each other's processes. */
public final class TestDirectory {
  private TestDirectory() {}

  /**
   * A directory below {@code target}. scripts/isolated.sh sets {@code CASEMATE_ISOLATED}: in pid
   * namespaces of their own, two runs can have the same number, and take each other for dead.
   */
  public static Path of(String name) {
    String isolated = System.getenv().getOrDefault("CASEMATE_ISOLATED", "");
    Path target = Path.of("target").toAbsolutePath();
    return (isolated.isEmpty() ? target : target.resolve("isolated-" + isolated)).resolve(name);
  }
}
