package dev.casemate.cli;

/** Casemate's version. */
final class Version {
  /** Kept equal to the project's version by a test. */
  static final String TEXT = "0.1.0";

  private Version() {}
}
