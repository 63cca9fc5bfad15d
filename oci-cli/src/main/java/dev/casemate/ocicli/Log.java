package dev.casemate.ocicli;

import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.base.Rfc3339;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;

/**
 * The log of one command, in the two formats that engines read: {@code text} as logrus writes it
 * and {@code json}, an object a line with {@code level}, {@code msg} and {@code time}. containerd
 * takes the last error of the file for the reason of a failure.
 */
public final class Log {
  /** The format of a line. */
  public enum Format {
    TEXT,
    JSON
  }

  private static final int MODE = 0644;

  private final String path;
  private final Format format;
  private final boolean debug;

  private Log(String path, Format format, boolean debug) {
    this.path = path;
    this.format = format;
    this.debug = debug;
  }

  /** A log on standard error. */
  public static Log standardError(Format format, boolean debug) {
    return new Log("", format, debug);
  }

  /** A log that is appended to a file, which is made if it does not exist. */
  public static Log file(String path, Format format, boolean debug) {
    Log log = new Log(path, format, debug);
    log.open().close();
    return log;
  }

  private Fd open() {
    return Fs.open(path, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.APPEND, MODE);
  }

  /** Whether lines go to standard error. */
  public boolean isStandardError() {
    return path.isEmpty();
  }

  /** Whether {@link #debug} writes anything: what takes an effort to find out is for then only. */
  public boolean isDebug() {
    return debug;
  }

  public void error(String message) {
    write("error", message);
  }

  public void warning(String message) {
    write("warning", message);
  }

  /** A line for developers; written only with {@code --debug}. */
  public void debug(String message) {
    if (debug) {
      write("debug", message);
    }
  }

  private void write(String level, String message) {
    byte[] line =
        line(format, level, message, Rfc3339.seconds(System.currentTimeMillis() / 1000))
            .getBytes(StandardCharsets.UTF_8);
    try {
      if (path.isEmpty()) {
        Fd.STDERR.writeAll(line);
      } else {
        try (Fd file = open()) {
          file.writeAll(line);
        }
      }
    } catch (LinuxException e) {
      // A log that cannot be written to must not change what the command does.
    }
  }

  static String line(Format format, String level, String message, String time) {
    if (format == Format.JSON) {
      return new Json.Obj().put("level", level).put("msg", message).put("time", time).text() + "\n";
    }
    return "time=" + quoted(time) + " level=" + level + " msg=" + quoted(message) + "\n";
  }

  /** Go's quoting, as far as one line needs it. */
  private static String quoted(String text) {
    StringBuilder out = new StringBuilder(text.length() + 2).append('"');
    int at = 0;
    while (at < text.length()) {
      int c = text.codePointAt(at);
      at += Character.charCount(c);
      switch (c) {
        case '"', '\\' -> out.append('\\').append((char) c);
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        case '\r' -> out.append("\\r");
        default -> {
          if (PlainText.isSafe(c)) {
            out.appendCodePoint(c);
          } else if (c < 0x80) {
            hex(out.append("\\x"), c, 2);
          } else {
            hex(out.append(c < 0x10000 ? "\\u" : "\\U"), c, c < 0x10000 ? 4 : 8);
          }
        }
      }
    }
    return out.append('"').toString();
  }

  private static void hex(StringBuilder out, int value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
      out.append(Character.forDigit((value >> shift) & 15, 16));
    }
  }
}
