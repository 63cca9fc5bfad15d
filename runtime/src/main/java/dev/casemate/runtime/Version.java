package dev.casemate.runtime;

/** The version of this executable. */
final class Version {
  static final String NUMBER = "0.1.0";

  private Version() {}
}
