package dev.casemate.image;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.LongConsumer;

/** Tells now and then how many bytes have been read. */
final class Told extends FilterInputStream {
  private final long each;
  private final LongConsumer progress;
  private long position;
  private long next;

  /**
   * Nothing is told before the first {@code each} bytes.
   *
   * @param progress is given the count so far
   */
  Told(InputStream in, long each, LongConsumer progress) {
    super(in);
    this.each = each;
    this.progress = progress;
    this.next = each;
  }

  private int count(int n) {
    position += Math.max(0, n);
    if (position >= next) {
      next = position + each;
      progress.accept(position);
    }
    return n;
  }

  @Override
  public int read() throws IOException {
    int b = super.read();
    count(b < 0 ? 0 : 1);
    return b;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    return count(super.read(bytes, offset, length));
  }

  /** Reads what it skips, as the stream below does. */
  @Override
  public long skip(long count) throws IOException {
    byte[] chunk = new byte[Math.clamp(count, 0, 8192)];
    return chunk.length == 0 ? 0 : Math.max(0, read(chunk, 0, chunk.length));
  }

  @Override
  public boolean markSupported() {
    return false;
  }
}
