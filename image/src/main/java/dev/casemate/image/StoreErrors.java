package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.LinuxException;

/** Turns what the file system says into what the user can do about it. */
final class StoreErrors {
  private StoreErrors() {}

  static CasemateException noSpace(String root, String doing) {
    String free = "";
    try {
      free = " (" + mib(FileSystem.of(root).freeBytes()) + " MiB free)";
    } catch (LinuxException e) {
      // The figure is only an extra.
    }
    return CasemateException.of(
        Kind.RESOURCE_EXHAUSTED,
        "no space left on the file system of image store "
            + root
            + free
            + " while "
            + doing
            + "; free some space, or remove images with \"casemate rmi\"");
  }

  static CasemateException of(LinuxException e, String root, String doing) {
    return switch (e.errno()) {
      case Errno.ENOSPC, Errno.EDQUOT -> noSpace(root, doing);
      case Errno.EACCES, Errno.EPERM, Errno.EROFS ->
          CasemateException.of(
              Kind.PERMISSION_DENIED,
              "image store "
                  + root
                  + " failed while "
                  + doing
                  + ": "
                  + e.getMessage()
                  + "; run as root on a writable file system",
              e);
      default ->
          CasemateException.of(
              Kind.INTERNAL,
              "image store " + root + " failed while " + doing + ": " + e.getMessage(),
              e);
    };
  }

  static long mib(long bytes) {
    return bytes >> 20;
  }

  static CasemateException corrupt(String message) {
    return CasemateException.of(Kind.CORRUPT, message);
  }
}
