package dev.casemate.linux;

/** A system call that failed: which call, on what, with which errno. */
public final class LinuxException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final int errno;

  /**
   * Creates the exception.
   *
   * @param call the call's name, {@code openat2}
   * @param subject what it was about: a path, a pid, an address
   * @param errno the positive errno
   */
  public LinuxException(String call, String subject, int errno) {
    super(
        call
            + (subject.isEmpty() ? "" : " " + subject)
            + ": "
            + Errno.lowerText(errno)
            + " ("
            + Errno.name(errno)
            + ")");
    this.call = call;
    this.errno = errno;
  }

  /** The call's name. */
  public String call() {
    return call;
  }

  /** The positive errno; see {@link Errno}. */
  public int errno() {
    return errno;
  }
}
