package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Turns what the system refuses into an error that says what to do. */
final class Failure {
  private Failure() {}

  /** {@code doing} is a phrase such as "write /var/lib/…". */
  static CasemateException of(String doing, LinuxException e) {
    return switch (e.errno()) {
      case Errno.ENOSPC, Errno.EDQUOT -> noSpace(doing, message(e));
      case Errno.EACCES, Errno.EPERM -> denied(doing, message(e));
      case Errno.EROFS -> readOnly(doing, message(e));
      default -> CasemateException.of(Kind.UNAVAILABLE, "Cannot " + doing + ": " + message(e), e);
    };
  }

  static CasemateException of(String doing, IOException e) {
    String reason = reason(e);
    if (reason.contains("No space left") || reason.contains("quota exceeded")) {
      return noSpace(doing, reason);
    }
    if (e instanceof AccessDeniedException || reason.contains("Operation not permitted")) {
      return denied(doing, reason);
    }
    if (reason.contains("Read-only file system")) {
      return readOnly(doing, reason);
    }
    return CasemateException.of(Kind.UNAVAILABLE, "Cannot " + doing + ": " + reason, e);
  }

  /** A throwable's message, never null. */
  static String message(Throwable e) {
    return String.valueOf(e.getMessage());
  }

  /** The system's own words, which the file exceptions of Java leave out of their message. */
  private static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "No such file or directory";
    }
    if (e instanceof FileAlreadyExistsException) {
      return "File exists";
    }
    if (e instanceof AccessDeniedException) {
      return "Permission denied";
    }
    if (e instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return message(e);
  }

  private static CasemateException noSpace(String doing, String reason) {
    return CasemateException.of(
        Kind.RESOURCE_EXHAUSTED,
        "Cannot "
            + doing
            + ": "
            + reason
            + ". A guest needs about 70 MiB, its package and the unpacked files another 300 MiB, a kernel built"
            + " from source 4 GiB: free space there or choose another directory");
  }

  private static CasemateException denied(String doing, String reason) {
    return CasemateException.of(
        Kind.PERMISSION_DENIED, "Cannot " + doing + ": " + reason + ". Run this as root");
  }

  private static CasemateException readOnly(String doing, String reason) {
    return CasemateException.of(
        Kind.FAILED_PRECONDITION,
        "Cannot " + doing + ": " + reason + ". Choose a directory on a writable file system");
  }
}
