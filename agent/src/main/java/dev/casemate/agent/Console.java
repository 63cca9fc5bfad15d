package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;

/**
 * Diagnostics on the machine's console. A serial port is slow and what happens in a container may
 * cause a message, so their number is bounded: {@value #BURST} in {@value #WINDOW_SECONDS} seconds.
 */
final class Console {
  private static final int BURST = 60;
  private static final int WINDOW_SECONDS = 10;
  private static final int LINE_LIMIT = 2000;

  /** How severe a message is, least severe first. */
  enum Level {
    DEBUG,
    INFO,
    WARN,
    ERROR;

    static Level parse(String name) {
      return switch (name) {
        case "trace", "debug" -> DEBUG;
        case "info" -> INFO;
        case "error", "critical" -> ERROR;
        default -> WARN;
      };
    }
  }

  private Level threshold = Level.WARN;
  private long windowStart;
  private int printed;

  void threshold(Level level) {
    threshold = level;
  }

  void debug(String message) {
    print(Level.DEBUG, message);
  }

  void info(String message) {
    print(Level.INFO, message);
  }

  void warn(String message) {
    print(Level.WARN, message);
  }

  void warn(String message, Throwable cause) {
    print(Level.WARN, message + ": " + describe(cause));
  }

  /** Prints whatever the level and the number of messages; never throws. */
  void last(String message, Throwable cause) {
    write("agent: " + message + ": " + describe(cause) + trace(cause));
  }

  private void print(Level level, String message) {
    if (level.compareTo(threshold) < 0) {
      return;
    }
    long now = Machine.monotonicMicros() / 1_000_000;
    if (now - windowStart >= WINDOW_SECONDS) {
      windowStart = now;
      printed = 0;
    }
    if (++printed <= BURST) {
      write("agent: " + message);
    }
  }

  private static void write(String message) {
    String line = message.length() > LINE_LIMIT ? message.substring(0, LINE_LIMIT) : message;
    byte[] bytes = (printable(line) + "\n").getBytes(StandardCharsets.UTF_8);
    try (Fd console =
        Fs.open("/dev/console", OpenFlag.WRITE_ONLY | OpenFlag.NO_CTTY | OpenFlag.NON_BLOCK)) {
      console.write(bytes, 0, bytes.length);
    } catch (LinuxException e) {
      // There is no other place to report it.
    }
  }

  /** Control characters could drive the terminal on which the console is read. */
  static String printable(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean control = (c < ' ' && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
      safe.append(control ? '?' : c);
    }
    return safe.toString();
  }

  static String describe(Throwable cause) {
    String message = cause.getMessage();
    if (cause instanceof LinuxException && message != null) {
      return message;
    }
    String name = cause.getClass().getName();
    return message == null ? name : name.substring(name.lastIndexOf('.') + 1) + ": " + message;
  }

  private static String trace(Throwable cause) {
    StringBuilder text = new StringBuilder();
    StackTraceElement[] frames = cause.getStackTrace();
    for (int i = 0; i < frames.length && i < 12; i++) {
      text.append("\n  at ").append(frames[i]);
    }
    return text.toString();
  }
}
