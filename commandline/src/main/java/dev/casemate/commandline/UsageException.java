package dev.casemate.commandline;

/** A command line that cannot be understood: an unknown option, a missing or an invalid value. */
public final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UsageException(String message) {
    super(message);
  }

  /**
   * A value that an option cannot have.
   *
   * @param option without its dashes
   * @param expected such as {@code table or json}
   */
  public static UsageException ofValue(String option, String value, String expected) {
    return new UsageException(wrongValue(option, value, expected));
  }

  /** What {@link #ofValue} says, for an error of another kind. */
  public static String wrongValue(String option, String value, String expected) {
    return "invalid value \"" + value + "\" for --" + option + ": expected " + expected;
  }
}
