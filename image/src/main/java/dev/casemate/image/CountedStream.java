package dev.casemate.image;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Counts the bytes that are read, those that are skipped included. */
abstract class CountedStream extends FilterInputStream {
  private long position;

  CountedStream(InputStream in) {
    super(in);
  }

  /** How many bytes have been read. */
  final long position() {
    return position;
  }

  /** Called after each read, with {@link #position} as it is then. */
  abstract void counted() throws IOException;

  private int count(int n) throws IOException {
    position += Math.max(0, n);
    counted();
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

  /** Reads what it skips: a digest above wants every byte. */
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
