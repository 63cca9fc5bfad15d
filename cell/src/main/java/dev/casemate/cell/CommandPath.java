package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.Text;
import dev.casemate.oci.DefaultSpec;
import java.util.List;

/** Finds a command in the container, with the rights of its user; the process is in its root. */
final class CommandPath {
  private static final int AT_FDCWD = -100;
  private static final int X_OK = 1;
  private static final int AT_EACCESS = 0x200;

  private CommandPath() {}

  /** The path to execute for {@code name}. */
  static String find(String name, List<String> environment) {
    if (name.isEmpty()) {
      throw notFound(name, "executable file not found in $PATH");
    }
    if (name.indexOf('/') >= 0) {
      check(name);
      return name;
    }
    for (String folder : Text.split(searchPath(environment), ':')) {
      String candidate = folder + "/" + name;
      if (folder.startsWith("/") && executable(candidate) == 0) {
        return candidate;
      }
    }
    throw notFound(name, "executable file not found in $PATH");
  }

  static void check(String path) {
    int errno = executable(path);
    switch (errno) {
      case 0 -> {}
      case Errno.ENOENT, Errno.ENOTDIR ->
          throw notFound(path, "stat " + path + ": " + Failures.text(errno));
      default -> throw notExecutable(path, errno);
    }
  }

  /** The errno that executing would give, as far as the file's mode and path say; 0 for none. */
  private static int executable(String path) {
    try {
      if (Fs.stat(path).isDirectory()) {
        return Errno.EISDIR;
      }
    } catch (LinuxException e) {
      return e.errno();
    }
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      long r = SystemCall.raw(SystemCall.FACCESSAT2, AT_FDCWD, p.address(), X_OK, AT_EACCESS);
      return SystemCall.failed(r) ? (int) -r : 0;
    }
  }

  private static String searchPath(List<String> environment) {
    String path = DefaultSpec.PATH;
    for (String variable : environment) {
      if (variable.startsWith("PATH=")) {
        path = variable.substring(5);
      }
    }
    return path;
  }

  private static CasemateException notFound(String name, String why) {
    return CasemateException.of(Kind.COMMAND_NOT_FOUND, "exec: \"" + name + "\": " + why);
  }

  private static CasemateException notExecutable(String name, int errno) {
    // Engines look for "permission denied", which execve(2) says of a directory, too.
    String why = errno == Errno.EISDIR ? "is a directory: permission denied" : Failures.text(errno);
    return CasemateException.of(Kind.COMMAND_NOT_EXECUTABLE, "exec: \"" + name + "\": " + why);
  }

  /** What a failed execve(2) means to the user. */
  static CasemateException failed(String path, int errno) {
    String message = "exec " + path + ": " + Failures.text(errno);
    return switch (errno) {
      case Errno.ENOENT, Errno.ENOTDIR -> CasemateException.of(Kind.COMMAND_NOT_FOUND, message);
      case Errno.E2BIG -> CasemateException.of(Kind.INVALID_ARGUMENT, message);
      case Errno.ENOMEM, Errno.EAGAIN -> CasemateException.of(Kind.RESOURCE_EXHAUSTED, message);
      default -> CasemateException.of(Kind.COMMAND_NOT_EXECUTABLE, message);
    };
  }
}
