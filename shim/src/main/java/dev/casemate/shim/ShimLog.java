package dev.casemate.shim;

import dev.casemate.base.PlainText;
import dev.casemate.base.Rfc3339;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The shim's log: the FIFO {@code log} in its bundle, which containerd copies into its own, in the
 * same form. A reader that is gone or slow loses lines and never holds up the shim.
 */
final class ShimLog {
  private static final int LINE_LIMIT = 8 * 1024;

  private final Optional<Fd> fifo;
  private final String id;
  private final boolean debug;

  private ShimLog(Optional<Fd> fifo, String id, boolean debug) {
    this.fifo = fifo;
    this.id = id;
    this.debug = debug;
  }

  static ShimLog open(String bundle, String id, boolean debug) {
    try {
      // Read-write: it does not wait for a reader, and outlives one, as over containerd's restart.
      Fd fifo = Fs.open(bundle + "/log", OpenFlag.READ_WRITE | OpenFlag.NON_BLOCK);
      return new ShimLog(Optional.of(fifo), id, debug);
    } catch (LinuxException e) {
      return new ShimLog(Optional.empty(), id, debug);
    }
  }

  boolean isDebug() {
    return debug;
  }

  void debug(String message) {
    if (debug) {
      write("debug", message);
    }
  }

  void info(String message) {
    write("info", message);
  }

  void warn(String message) {
    write("warning", message);
  }

  private void write(String level, String message) {
    if (fifo.isEmpty()) {
      return;
    }
    byte[] line = format(System.currentTimeMillis(), level, message, id);
    try {
      fifo.get().write(line, 0, line.length);
    } catch (LinuxException e) {
      // The reader has gone.
    }
  }

  /** A line as logrus writes it. */
  static byte[] format(long millis, String level, String message, String id) {
    StringBuilder line = new StringBuilder("time=\"");
    line.append(Rfc3339.millis(millis));
    line.append("\" level=").append(level).append(" msg=\"");
    int at = 0;
    while (at < message.length() && line.length() < LINE_LIMIT) {
      int c = message.codePointAt(at);
      at += Character.charCount(c);
      switch (c) {
        case '"', '\\' -> line.append('\\').append((char) c);
        case '\n' -> line.append("\\n");
        default -> line.appendCodePoint(PlainText.isSafe(c) ? c : '?');
      }
    }
    line.append("\" runtime=io.containerd.casemate.v2 id=").append(id).append('\n');
    return line.toString().getBytes(StandardCharsets.UTF_8);
  }
}
