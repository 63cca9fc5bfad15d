package dev.casemate.protobuf;

/**
 * Bytes from the other end are not what the protocol allows: a broken varint, a length beyond the
 * end, nesting that is too deep, a frame that is too long. Nothing of the message may be used.
 */
public final class MalformedMessageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /**
   * @param message what was found and what was expected
   */
  public MalformedMessageException(String message) {
    super(message);
  }
}
