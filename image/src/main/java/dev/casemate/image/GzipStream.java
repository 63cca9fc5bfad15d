package dev.casemate.image;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The content of a gzip file (RFC 1952) of any number of members. The JDK's GZIPInputStream calls
 * itself once for each empty member: some thousands of them, 20 bytes each, overflow the stack.
 */
final class GzipStream extends InputStream {
  private static final int EXTRA = 4;
  private static final int NAME = 8;
  private static final int COMMENT = 16;
  private static final int HEADER_CHECKSUM = 2;

  private final InputStream in;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private final byte[] input = new byte[64 * 1024];
  private final byte[] one = new byte[1];
  private int at;
  private int end;
  private boolean inMember;
  private boolean ended;

  GzipStream(InputStream in) throws IOException {
    this.in = in;
    if (!header()) {
      throw new IOException("gzip data have no gzip header");
    }
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
    try {
      while (inMember || header()) {
        int n = inflater.inflate(bytes, offset, length);
        if (n > 0) {
          crc.update(bytes, offset, n);
          return n;
        }
        if (inflater.finished()) {
          at = end - inflater.getRemaining();
          trailer();
        } else if (inflater.needsDictionary()) {
          throw new IOException("gzip data require a dictionary");
        } else {
          if (at == end && !fill()) {
            throw cutOff();
          }
          inflater.setInput(input, at, end - at);
          at = end;
        }
      }
      return -1;
    } catch (DataFormatException e) {
      throw new IOException("gzip data are damaged: " + e.getMessage(), e);
    }
  }

  private static EOFException cutOff() {
    return new EOFException("gzip data are truncated");
  }

  private boolean fill() throws IOException {
    int n = in.read(input, 0, input.length);
    at = 0;
    end = Math.max(n, 0);
    return n > 0;
  }

  private int next() throws IOException {
    if (at == end && !fill()) {
      throw cutOff();
    }
    return input[at++] & 0xff;
  }

  private long little(int count) throws IOException {
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (long) next() << (8 * i);
    }
    return value;
  }

  private void text() throws IOException {
    int c = next();
    while (c != 0) {
      c = next();
    }
  }

  /** Begins the next member; false at the end. What follows without a magic number is no member. */
  private boolean header() throws IOException {
    if (ended || (at == end && !fill()) || next() != 0x1f || next() != 0x8b) {
      ended = true;
      return false;
    }
    if (next() != 8) {
      throw new IOException("gzip data have an unknown compression method");
    }
    int flags = next();
    // Time, extra flags, operating system.
    little(6);
    if ((flags & EXTRA) != 0) {
      long left = little(2);
      while (left-- > 0) {
        next();
      }
    }
    if ((flags & NAME) != 0) {
      text();
    }
    if ((flags & COMMENT) != 0) {
      text();
    }
    if ((flags & HEADER_CHECKSUM) != 0) {
      little(2);
    }
    inflater.reset();
    crc.reset();
    inMember = true;
    return true;
  }

  private void trailer() throws IOException {
    inMember = false;
    if (little(4) != crc.getValue() || little(4) != (inflater.getBytesWritten() & 0xffffffffL)) {
      throw new IOException("gzip data have a wrong checksum or length");
    }
  }

  @Override
  public void close() throws IOException {
    inflater.end();
    in.close();
  }
}
