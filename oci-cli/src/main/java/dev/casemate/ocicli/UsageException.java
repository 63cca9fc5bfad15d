package dev.casemate.ocicli;

/** A command line that cannot be understood: the usage is shown with it. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
