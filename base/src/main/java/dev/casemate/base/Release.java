package dev.casemate.base;

/** Which Casemate this is: what every executable of it answers when asked for its version. */
public final class Release {
  /** Such as {@code 0.1.0}: the version in the project's pom.xml, without {@code -SNAPSHOT}. */
  public static final String VERSION = "0.1.0";

  private Release() {}
}
