package dev.casemate.archive;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import java.io.IOException;
import java.io.InputStream;

/**
 * A stream over an open descriptor that it does not close. A limit, where one is given, ends the
 * stream early; a regular file is skipped by {@code lseek(2)}.
 */
public final class FdInputStream extends InputStream {
  private final Fd fd;
  private final boolean seekable;
  private final byte[] one = new byte[1];
  private long left;

  /** Reads to the end of a pipe, socket or file. */
  public FdInputStream(Fd fd) {
    this(fd, Long.MAX_VALUE, false);
  }

  /**
   * Reads at most {@code limit} bytes from the descriptor's current position.
   *
   * @param seekable whether it is a regular file with that many bytes left
   */
  public FdInputStream(Fd fd, long limit, boolean seekable) {
    this.fd = fd;
    this.left = limit;
    this.seekable = seekable;
  }

  @Override
  public int read() throws IOException {
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (left == 0) {
      return -1;
    }
    int n = fd.read(bytes, offset, (int) Math.min(length, left));
    if (n == Fd.WOULD_BLOCK) {
      throw new IOException("a descriptor for archives must be a blocking one");
    }
    if (n < 0) {
      left = 0;
      return -1;
    }
    left -= n;
    return n;
  }

  @Override
  public long skip(long count) throws IOException {
    if (!seekable) {
      return super.skip(count);
    }
    long n = Math.clamp(count, 0, left);
    FileContent.seek(fd, n, 1);
    left -= n;
    return n;
  }

  /** What is left below the limit. */
  @Override
  public int available() {
    return (int) Math.min(left, Integer.MAX_VALUE);
  }
}
