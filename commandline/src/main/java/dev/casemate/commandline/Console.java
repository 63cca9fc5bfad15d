package dev.casemate.commandline;

import dev.casemate.base.PlainText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;

/**
 * Text for people and programs: straight to the descriptors, because {@code System.out} costs a
 * start milliseconds. Names in the text may come from a guest, an image or a registry: nothing that
 * a terminal obeys gets out ({@link PlainText}) but what {@link #draw} is given.
 */
public final class Console {
  private Console() {}

  /** Writes lines to standard output; a reader that has closed the pipe is not an error. */
  public static void out(String text) {
    write(Fd.STDOUT, PlainText.lines(text));
  }

  public static void outLine(String text) {
    write(Fd.STDOUT, PlainText.line(text) + "\n");
  }

  public static void errLine(String text) {
    write(Fd.STDERR, PlainText.message(text) + "\n");
  }

  public static void err(String text) {
    write(Fd.STDERR, PlainText.lines(text));
  }

  /** Moves the cursor, erases: control sequences and numbers of our own, never a name. */
  public static void draw(Fd terminal, String sequence) {
    write(terminal, sequence);
  }

  /** For developers, if CASEMATE_TRACE is set: where an error came from. */
  public static void trace(RuntimeException e) {
    if (System.getenv("CASEMATE_TRACE") != null) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      err(trace.toString());
    }
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
