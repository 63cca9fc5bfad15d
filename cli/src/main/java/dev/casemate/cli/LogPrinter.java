package dev.casemate.cli;

import dev.casemate.containers.LogEntry;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Takes the records of a container's log apart, {@code TIME stdout|stderr F|P BYTES\n}, and gives
 * back what the workload has written. What is no record, as a crash or a full disk may leave it, is
 * passed over.
 */
final class LogPrinter {
  /** Most bytes of a record: the pieces that {@code ContainerLog} is given are far smaller. */
  private static final int LINE_LIMIT = 1 << 20;

  private final boolean timestamps;
  private final int tail;
  private final Consumer<byte[]> out;
  private final Consumer<byte[]> err;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final List<byte[]> held = new ArrayList<>();
  private boolean following;

  /**
   * @param timestamps whether each record's time stands before it
   * @param tail how many of the last records are printed; {@link Integer#MAX_VALUE}: all of them
   * @param out takes what was written to standard output, a record at a time
   * @param err takes what was written to standard error
   */
  LogPrinter(boolean timestamps, int tail, Consumer<byte[]> out, Consumer<byte[]> err) {
    this.timestamps = timestamps;
    this.tail = tail;
    this.out = out;
    this.err = err;
  }

  /** Takes a piece of the file, cut anywhere. */
  void add(byte[] bytes, int length) {
    for (int i = 0; i < length; i++) {
      if (bytes[i] != '\n') {
        if (line.size() < LINE_LIMIT) {
          line.write(bytes[i]);
        }
      } else {
        keep(line.toByteArray());
        line.reset();
      }
    }
  }

  private void keep(byte[] record) {
    if (tail == Integer.MAX_VALUE || following) {
      print(record);
      return;
    }
    held.add(record);
    if (held.size() > tail) {
      held.removeFirst();
    }
  }

  /** Prints what {@code tail} has held back; what comes after it is printed as it comes. */
  void flush() {
    for (byte[] record : held) {
      print(record);
    }
    held.clear();
    following = true;
  }

  private void print(byte[] record) {
    Optional<LogEntry> parsed = LogEntry.parse(record);
    if (parsed.isPresent()) {
      LogEntry entry = parsed.get();
      (entry.isError() ? err : out).accept(text(entry, timestamps));
    }
  }

  /** An entry as it is printed. */
  static byte[] text(LogEntry entry, boolean timestamps) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    if (timestamps) {
      text.writeBytes((entry.time() + " ").getBytes(StandardCharsets.US_ASCII));
    }
    text.writeBytes(entry.bytes());
    if (entry.endsLine()) {
      text.write('\n');
    }
    return text.toByteArray();
  }
}
