package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;

/** A wish that cannot be fulfilled. The text names it as {@code casemate run} calls it. */
final class Refusal {
  private Refusal() {}

  static CasemateException of(String message) {
    return CasemateException.of(Kind.INVALID_ARGUMENT, message);
  }

  /** For a number outside of its range. */
  static void range(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw of(
          "invalid value \""
              + value
              + "\" for --"
              + option
              + ": expected a whole number from "
              + least
              + " to "
              + most);
    }
  }
}
