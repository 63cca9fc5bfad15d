package dev.casemate.image;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * A zstd stream without its skippable frames (RFC 8878, section 3.1.2), which the decompressor does
 * not know. Layers of podman ({@code zstd:chunked}) end with such frames: a table of contents.
 */
final class ZstdFrames extends InputStream {
  private static final int MAGIC = 0xfd2fb528;
  private static final int SKIPPABLE = 0x184d2a50;

  private final InputStream in;
  private final byte[] head = new byte[18];
  private final byte[] one = new byte[1];
  private int headAt;
  private int headEnd;
  private long body;
  private boolean inFrame;
  private boolean lastBlock;
  private boolean checksum;

  ZstdFrames(InputStream in) {
    this.in = in;
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
    while (headAt == headEnd && body == 0) {
      if (!advance()) {
        return -1;
      }
    }
    if (headAt < headEnd) {
      int n = Math.min(length, headEnd - headAt);
      System.arraycopy(head, headAt, bytes, offset, n);
      headAt += n;
      return n;
    }
    int n = in.read(bytes, offset, (int) Math.min(length, body));
    if (n < 0) {
      throw new EOFException("zstd data are truncated");
    }
    body -= n;
    return n;
  }

  private void fill(int count) throws IOException {
    if (in.readNBytes(head, headEnd, count) < count) {
      throw new EOFException("zstd data are truncated");
    }
    headEnd += count;
  }

  private int little(int at, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
      value |= (head[at + i] & 0xff) << (8 * i);
    }
    return value;
  }

  /** Reads the next header of a block or frame; false at the end of the stream. */
  private boolean advance() throws IOException {
    headAt = 0;
    headEnd = 0;
    if (inFrame && !lastBlock) {
      fill(3);
      int block = little(0, 3);
      lastBlock = (block & 1) != 0;
      int size = block >> 3;
      // Of a run-length block (type 1) the size is that of the result; one byte is stored.
      body = ((block >> 1) & 3) == 1 ? 1 : size;
      return true;
    }
    if (inFrame) {
      inFrame = false;
      if (checksum) {
        fill(4);
      }
      return true;
    }
    int n = in.readNBytes(head, 0, 4);
    if (n == 0) {
      return false;
    }
    if (n < 4) {
      throw new EOFException("zstd data are truncated");
    }
    headEnd = 4;
    int magic = little(0, 4);
    if ((magic & ~0xf) == SKIPPABLE) {
      headEnd = 0;
      fill(4);
      in.skipNBytes(Integer.toUnsignedLong(little(0, 4)));
      headEnd = 0;
      return true;
    }
    if (magic != MAGIC) {
      throw new IOException("zstd data have a frame with a wrong magic number");
    }
    fill(1);
    int descriptor = head[4];
    boolean single = (descriptor & 0x20) != 0;
    int sizeFlag = (descriptor >> 6) & 3;
    int dictionary = new int[] {0, 1, 2, 4}[descriptor & 3];
    int sizeBytes = sizeFlag == 0 ? (single ? 1 : 0) : 1 << sizeFlag;
    fill((single ? 0 : 1) + dictionary + sizeBytes);
    checksum = (descriptor & 4) != 0;
    inFrame = true;
    lastBlock = false;
    return true;
  }
}
