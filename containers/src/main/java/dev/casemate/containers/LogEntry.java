package dev.casemate.containers;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A line, or a piece of one, that a container has written: {@code TIME STREAM F|P BYTES}. */
public final class LogEntry {
  /** The log is rotated at 10 MiB. */
  private static final int FILE_LIMIT = 16 << 20;

  /** {@code stdout} or {@code stderr}. */
  private static final int STREAM_LENGTH = 6;

  private final byte[] record;
  private final int afterTime;
  private final int text;

  private LogEntry(byte[] record, int afterTime, int afterStream) {
    this.record = record;
    this.afterTime = afterTime;
    this.text = afterStream + 3;
  }

  /** Parses a record of the log; empty if it is not valid. */
  public static Optional<LogEntry> parse(byte[] record) {
    int afterTime = blank(record, 0);
    int afterStream = afterTime < 0 ? -1 : blank(record, afterTime + 1);
    return afterTime < 0
            || afterStream - afterTime - 1 != STREAM_LENGTH
            || record.length < afterStream + 3
        ? Optional.empty()
        : Optional.of(new LogEntry(record, afterTime, afterStream));
  }

  private static int blank(byte[] record, int from) {
    for (int i = from; i < record.length; i++) {
      if (record[i] == ' ') {
        return i;
      }
    }
    return -1;
  }

  /** The time at which it was written, in RFC 3339 format. */
  public String time() {
    return new String(record, 0, afterTime, StandardCharsets.US_ASCII);
  }

  /** Whether it was written to standard error. */
  public boolean isError() {
    return record.length > afterTime + 4 && record[afterTime + 4] == 'e';
  }

  /** Whether the line ends here; the end itself is not part of {@link #bytes}. */
  public boolean endsLine() {
    return record[text - 2] == 'F';
  }

  /** What was written. */
  public byte[] bytes() {
    return Arrays.copyOfRange(record, text, record.length);
  }

  /** {@link #bytes} as text. */
  public String text() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /** All that is in the log of a container's directory. */
  static List<LogEntry> readAll(String directory) {
    List<LogEntry> entries = new ArrayList<>();
    for (String file : List.of("/output.log.1", "/output.log")) {
      String path = directory + file;
      if (!Fs.exists(path)) {
        continue;
      }
      byte[] all;
      try (Fd fd = Fs.open(path, OpenFlag.READ_ONLY)) {
        all = FileContent.readBytes(fd, path, FILE_LIMIT);
      }
      int begin = 0;
      for (int i = 0; i < all.length; i++) {
        if (all[i] == '\n') {
          parse(Arrays.copyOfRange(all, begin, i)).ifPresent(entries::add);
          begin = i + 1;
        }
      }
    }
    return entries;
  }
}
