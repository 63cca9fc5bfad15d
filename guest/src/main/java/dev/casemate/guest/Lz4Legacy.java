package dev.casemate.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Decodes the LZ4 "legacy frame", which is what kernel images are packed with (lz4_Frame_format.md,
 * "Legacy frame"; lz4_Block_format.md). It is all of LZ4 that a kernel needs, and saves the user a
 * package.
 */
final class Lz4Legacy {
  static final int MAGIC = 0x184C2102;
  private static final int BLOCK_BYTES = 8 << 20;
  private static final long MOST_RATIO = 255;

  private Lz4Legacy() {}

  /** Decodes a frame into exactly {@code size} bytes. */
  static byte[] decode(byte[] frame, int offset, int length, int size) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(frame, offset, length).order(ByteOrder.LITTLE_ENDIAN);
    if (in.remaining() < 4 || in.getInt() != MAGIC) {
      throw new IOException("not an LZ4 legacy frame");
    }
    // A byte of LZ4 stands for 255 at most; a few of them may claim gigabytes.
    if (size > MOST_RATIO * length) {
      throw new IOException(length + " bytes of LZ4 cannot be " + size + " bytes unpacked");
    }
    byte[] out = new byte[size];
    int done = 0;
    while (in.remaining() >= 4) {
      int blockLength = in.getInt();
      if (blockLength == MAGIC) {
        continue;
      }
      if (blockLength < 0 || blockLength > in.remaining()) {
        throw new IOException(
            "LZ4 block of " + blockLength + " bytes, " + in.remaining() + " left");
      }
      int end = in.position() + blockLength;
      int limit = (int) Math.min(size, (long) done + BLOCK_BYTES);
      done = block(frame, in.position(), end, out, done, limit);
      in.position(end);
    }
    if (done != size) {
      throw new IOException("LZ4 frame decompressed to " + done + " bytes, expected " + size);
    }
    return out;
  }

  private static int block(byte[] in, int from, int end, byte[] out, int start, int limit)
      throws IOException {
    int i = from;
    int o = start;
    try {
      while (i < end) {
        int token = in[i++] & 0xFF;
        int literals = token >>> 4;
        if (literals == 15) {
          int more;
          do {
            more = in[i++] & 0xFF;
            literals += more;
          } while (more == 255);
        }
        if (literals < 0 || literals > end - i || literals > limit - o) {
          throw new IOException("LZ4 literals run past the end of the block");
        }
        System.arraycopy(in, i, out, o, literals);
        i += literals;
        o += literals;
        if (i >= end) {
          break;
        }
        int distance = (in[i] & 0xFF) | (in[i + 1] & 0xFF) << 8;
        i += 2;
        int match = (token & 15) + 4;
        if (match == 19) {
          int more;
          do {
            more = in[i++] & 0xFF;
            match += more;
          } while (more == 255);
        }
        if (distance == 0 || distance > o - start || match < 0 || match > limit - o) {
          throw new IOException("LZ4 match points outside of the block");
        }
        copy(out, o, distance, match);
        o += match;
      }
    } catch (ArrayIndexOutOfBoundsException e) {
      throw new IOException("LZ4 block is truncated", e);
    }
    return o;
  }

  /**
   * Repeats what lies {@code distance} back; source and target may overlap, which repeats a
   * pattern.
   */
  private static void copy(byte[] out, int at, int distance, int length) {
    if (distance == 1) {
      Arrays.fill(out, at, at + length, out[at - 1]);
      return;
    }
    int done = 0;
    while (done < length) {
      int n = Math.min(distance + done, length - done);
      System.arraycopy(out, at - distance, out, at + done, n);
      done += n;
    }
  }
}
