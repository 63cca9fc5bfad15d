package dev.casemate.commandline;

/** A command line that cannot be understood: an unknown option, a missing or an invalid value. */
public final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UsageException(String message) {
    super(message);
  }
}
