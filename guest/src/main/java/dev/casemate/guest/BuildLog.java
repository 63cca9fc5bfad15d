package dev.casemate.guest;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Follows the output of {@code make} while it grows. */
final class BuildLog implements AutoCloseable {
  private static final int TAIL_BYTES = 16 * 1024;

  private final RandomAccessFile file;
  private final byte[] chunk = new byte[64 * 1024];
  private final StringBuilder line = new StringBuilder();
  private long compiled;

  private BuildLog(RandomAccessFile file) {
    this.file = file;
  }

  /** Counts from the beginning of the log. */
  static BuildLog open(Path log) throws IOException {
    RandomAccessFile file = new RandomAccessFile(log.toFile(), "r");
    return new BuildLog(file);
  }

  /** How many files have been compiled or assembled so far. */
  long compiled() throws IOException {
    for (int n = file.read(chunk); n > 0; n = file.read(chunk)) {
      for (int i = 0; i < n; i++) {
        if (chunk[i] != '\n') {
          line.append((char) (chunk[i] & 0xFF));
          continue;
        }
        if (line.indexOf("  CC ") == 0 || line.indexOf("  AS ") == 0) {
          compiled++;
        }
        line.setLength(0);
      }
    }
    return compiled;
  }

  /** The last lines. */
  static String tail(Path log, int lines) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
      long start = Math.max(0, file.length() - TAIL_BYTES);
      file.seek(start);
      byte[] end = new byte[(int) (file.length() - start)];
      file.readFully(end);
      List<String> all = new String(end, StandardCharsets.UTF_8).lines().toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
