package dev.casemate.runtime;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;

/** Text straight to the descriptors: {@code System.out} costs a start milliseconds. */
final class Console {
  private Console() {}

  static void out(String text) {
    write(Fd.STDOUT, text);
  }

  static void err(String text) {
    write(Fd.STDERR, text);
  }

  /** A reader that has gone away is no error of ours. */
  private static void write(Fd fd, String text) {
    try {
      fd.writeAll(text.getBytes(StandardCharsets.UTF_8));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPIPE && e.errno() != Errno.EBADF) {
        throw e;
      }
    }
  }
}
