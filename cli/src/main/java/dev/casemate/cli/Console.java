package dev.casemate.cli;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;

/**
 * Text for people and programs: straight to the descriptors, because {@code System.out} costs a
 * start milliseconds.
 */
final class Console {
  private Console() {}

  /** Writes to standard output; a reader that has gone away is no error of ours. */
  static void out(String text) {
    write(Fd.STDOUT, text);
  }

  static void outLine(String text) {
    write(Fd.STDOUT, text + "\n");
  }

  static void errLine(String text) {
    write(Fd.STDERR, text + "\n");
  }

  static void err(String text) {
    write(Fd.STDERR, text);
  }

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
