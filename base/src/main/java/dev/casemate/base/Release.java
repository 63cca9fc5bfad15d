package dev.casemate.base;

/** The version of Casemate, as reported by each of its executables. */
public final class Release {
  /** Such as {@code 0.1.0}: the version in the project's pom.xml, without {@code -SNAPSHOT}. */
  public static final String VERSION = "0.1.0";

  private Release() {}
}
