package dev.casemate.archive;

import dev.casemate.base.PlainText;

/**
 * An archive that is malformed, or has an entry that is not allowed. The message names the entry.
 */
public final class ArchiveException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  ArchiveException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Why the archive was given up. */
  public enum Reason {
    /** Not a tar archive, damaged, or cut off. */
    MALFORMED,
    /** An entry would leave the root, or is of a kind that is never unpacked. */
    REFUSED,
    /** More bytes or entries than the caller allows. */
    TOO_LARGE
  }

  static ArchiveException malformed(String message) {
    return new ArchiveException(Reason.MALFORMED, message);
  }

  static ArchiveException refused(String entry, String why) {
    return new ArchiveException(Reason.REFUSED, "entry " + quote(entry) + " " + why);
  }

  /** A name from an archive, in quotes, short and without control characters. */
  static String quote(String name) {
    return PlainText.quote(name);
  }

  public Reason reason() {
    return reason;
  }
}
