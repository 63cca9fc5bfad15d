package dev.casemate.base;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;

/** The engine's errors, by kind. */
public final class Failures {
  private Failures() {}

  public static CasemateException invalid(String message) {
    return CasemateException.of(Kind.INVALID_ARGUMENT, message);
  }

  public static CasemateException precondition(String message) {
    return CasemateException.of(Kind.FAILED_PRECONDITION, message);
  }

  public static CasemateException internal(String message) {
    return CasemateException.of(Kind.INTERNAL, message);
  }

  /** A failed call in the course of doing {@code step}. */
  public static CasemateException of(String step, LinuxException e) {
    return CasemateException.of(kind(e.errno()), step + ": " + e.getMessage(), e);
  }

  private static Kind kind(int errno) {
    return switch (errno) {
      case Errno.ENOENT, Errno.ENOTDIR -> Kind.NOT_FOUND;
      case Errno.EPERM, Errno.EACCES, Errno.EROFS -> Kind.PERMISSION_DENIED;
      case Errno.EINVAL, Errno.E2BIG, Errno.ENAMETOOLONG, Errno.ELOOP, Errno.ENODEV ->
          Kind.INVALID_ARGUMENT;
      case Errno.ENOMEM, Errno.ENOSPC, Errno.EMFILE, Errno.ENFILE, Errno.EAGAIN, Errno.EDQUOT ->
          Kind.RESOURCE_EXHAUSTED;
      default -> Kind.INTERNAL;
    };
  }

  /** The kernel's text of an errno as users of containers know it, in lower case. */
  public static String text(int errno) {
    return Errno.lowerText(errno);
  }
}
