package dev.casemate.base;

/**
 * An error that Casemate reports to its user. The message names the object, the value, what was
 * expected and what to do, in one line; programs use the kind. Values may come from a guest, an
 * image or a registry: the message is sanitized for terminals and limited in length ({@link
 * PlainText#message}).
 */
public final class CasemateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Kind kind;

  private CasemateException(Kind kind, String message, Throwable cause) {
    super(PlainText.message(message), cause);
    this.kind = kind;
  }

  private CasemateException(Kind kind, String message) {
    super(PlainText.message(message));
    this.kind = kind;
  }

  /** The closed set of kinds; the names follow gRPC's status codes where one fits. */
  public enum Kind {
    /** The request itself is wrong, whatever the state of things. */
    INVALID_ARGUMENT,
    NOT_FOUND,
    ALREADY_EXISTS,
    /** The object is not in a state that allows the request. */
    FAILED_PRECONDITION,
    /** A peer does not answer or no longer exists. */
    UNAVAILABLE,
    TIMEOUT,
    /** Out of memory, disk, addresses or the like. */
    RESOURCE_EXHAUSTED,
    PERMISSION_DENIED,
    /** Data that does not match its checksum or its format. */
    CORRUPT,
    /** The workload's command does not exist in the container. */
    COMMAND_NOT_FOUND,
    /** The workload's command cannot be executed. */
    COMMAND_NOT_EXECUTABLE,
    INTERNAL
  }

  public static CasemateException of(Kind kind, String message) {
    return new CasemateException(kind, message);
  }

  public static CasemateException of(Kind kind, String message, Throwable cause) {
    return new CasemateException(kind, message, cause);
  }

  public Kind kind() {
    return kind;
  }
}
