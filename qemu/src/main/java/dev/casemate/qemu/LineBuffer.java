package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Cuts a byte stream into lines; a line beyond the limit is an error, not memory. */
final class LineBuffer {
  private static final int FIRST = 4 * 1024;

  private final int limit;
  private byte[] bytes = new byte[FIRST];
  private int length;
  private int scanned;

  LineBuffer(int limit) {
    this.limit = limit;
  }

  void append(byte[] source, int count) {
    if (length + count > bytes.length) {
      bytes = java.util.Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + count));
    }
    System.arraycopy(source, 0, bytes, length, count);
    length += count;
  }

  /**
   * The next complete line without its end.
   *
   * @throws CasemateException CORRUPT if the line is too long
   */
  Optional<String> next() {
    while (scanned < length && bytes[scanned] != '\n') {
      scanned++;
    }
    if (scanned > limit) {
      throw CasemateException.of(
          CasemateException.Kind.CORRUPT, "QEMU sent a line of more than " + limit + " bytes");
    }
    if (scanned == length) {
      return Optional.empty();
    }
    int end = scanned > 0 && bytes[scanned - 1] == '\r' ? scanned - 1 : scanned;
    String line = new String(bytes, 0, end, StandardCharsets.UTF_8);
    length -= scanned + 1;
    System.arraycopy(bytes, scanned + 1, bytes, 0, length);
    scanned = 0;
    if (length == 0 && bytes.length > FIRST) {
      bytes = new byte[FIRST];
    }
    return Optional.of(line);
  }
}
