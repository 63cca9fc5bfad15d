package dev.casemate.hypervisor;

import dev.casemate.base.PlainText;

/**
 * The last bytes of a stream. Its memory is bounded by its limit, and smaller while little has been
 * written: guests and VMMs write here, and they are not trusted.
 */
public final class ByteRing {
  private static final int FIRST = 4 * 1024;

  private final int limit;
  private byte[] bytes;
  private int start;
  private int length;

  /** A ring that keeps up to {@code limit} bytes. */
  public ByteRing(int limit) {
    this.limit = limit;
    this.bytes = new byte[Math.min(limit, FIRST)];
  }

  /** Appends bytes; the oldest ones are dropped. */
  public synchronized void append(byte[] source, int offset, int count) {
    int from = offset + Math.max(0, count - limit);
    int left = offset + count - from;
    if (length + left > bytes.length && bytes.length < limit) {
      byte[] larger = new byte[Math.min(limit, Math.max(bytes.length * 2, length + left))];
      System.arraycopy(content(), 0, larger, 0, length);
      bytes = larger;
      start = 0;
    }
    while (left > 0) {
      int at = (start + length) % bytes.length;
      int piece = Math.min(left, bytes.length - at);
      System.arraycopy(source, from, bytes, at, piece);
      int over = Math.max(0, length + piece - bytes.length);
      start = (start + over) % bytes.length;
      length += piece - over;
      from += piece;
      left -= piece;
    }
  }

  /** A copy of what is kept, oldest byte first. */
  public synchronized byte[] content() {
    byte[] copy = new byte[length];
    int first = Math.min(length, bytes.length - start);
    System.arraycopy(bytes, start, copy, 0, first);
    System.arraycopy(bytes, 0, copy, first, length - first);
    return copy;
  }

  /**
   * The line that contains {@code marker}, last occurrence, from the marker on: printable ASCII, up
   * to {@code most} characters; empty if there is no such line.
   */
  public String lastLineFrom(String marker, int most) {
    String text = new String(content(), java.nio.charset.StandardCharsets.ISO_8859_1);
    int at = text.lastIndexOf(marker);
    if (at < 0) {
      return "";
    }
    StringBuilder line = new StringBuilder();
    for (int i = at; i < text.length() && line.length() < most; i++) {
      char c = text.charAt(i);
      if (c == '\n' || c == '\r') {
        break;
      }
      line.append(c >= ' ' && c < 0x7f ? c : '?');
    }
    return line.toString();
  }

  /** What is kept as text, control characters but newlines replaced, trimmed. */
  public String text() {
    String raw = new String(content(), java.nio.charset.StandardCharsets.UTF_8);
    return PlainText.lines(raw).trim();
  }
}
