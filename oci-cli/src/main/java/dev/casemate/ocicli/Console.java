package dev.casemate.ocicli;

import dev.casemate.base.PlainText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;

/**
 * Text straight to the descriptors: {@code System.out} costs a start milliseconds. What a terminal
 * obeys does not get out: bundles and containers choose names ({@link PlainText}).
 */
final class Console {
  private Console() {}

  static void out(String text) {
    write(Fd.STDOUT, PlainText.lines(text));
  }

  static void errLine(String text) {
    write(Fd.STDERR, PlainText.message(text) + "\n");
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
