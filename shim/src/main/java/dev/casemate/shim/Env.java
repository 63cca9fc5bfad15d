package dev.casemate.shim;

/** The environment. */
final class Env {
  private Env() {}

  /** A variable's value, empty if it is not set. */
  static String get(String name) {
    String value = System.getenv(name);
    return value == null ? "" : value;
  }
}
