package dev.casemate.rpc;

import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import java.util.Arrays;

/**
 * Finds the frames in a stream of bytes that comes in pieces of any size. Does no I/O. Holds at
 * most one frame, and of that no more than came: a header that announces 4 MiB costs 64 KiB until
 * they are there. Not for use by several threads.
 */
public final class FrameDecoder {
  private static final int FIRST_ALLOCATION = 64 << 10;

  private final int maxData;
  private final byte[] header = new byte[Frame.HEADER_LENGTH];
  private int headerFill;
  private byte[] data = ProtoMessage.NO_BYTES;
  private int dataFill;
  private int dataLength;
  private int discard;

  /** A decoder at a stream's beginning. */
  public FrameDecoder() {
    this(Frame.MAX_DATA);
  }

  /**
   * A decoder with a lower limit than the protocol's.
   *
   * @param maxData maximum bytes of data; longer frames are skipped
   */
  FrameDecoder(int maxData) {
    this.maxData = maxData;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param b where they are; not kept
   * @param off index of the first
   * @param len how many
   * @param handler is called for each frame that they complete
   * @throws MalformedMessageException if a header announces 16 MiB or more, which no sender of
   *     ttrpc does; the stream is of no more use then
   */
  public void feed(byte[] b, int off, int len, FrameHandler handler) {
    int position = off;
    int end = off + len;
    while (position < end) {
      if (discard > 0) {
        int count = Math.min(discard, end - position);
        discard -= count;
        position += count;
        continue;
      }
      if (headerFill < Frame.HEADER_LENGTH) {
        int count = Math.min(Frame.HEADER_LENGTH - headerFill, end - position);
        System.arraycopy(b, position, header, headerFill, count);
        headerFill += count;
        position += count;
        if (headerFill < Frame.HEADER_LENGTH || !begin(handler)) {
          continue;
        }
      }
      int count = Math.min(dataLength - dataFill, end - position);
      if (count > data.length - dataFill) {
        data =
            Arrays.copyOf(data, Math.min(dataLength, Math.max(2 * data.length, dataFill + count)));
      }
      System.arraycopy(b, position, data, dataFill, count);
      dataFill += count;
      position += count;
      if (dataFill == dataLength) {
        Frame frame = new Frame(Frame.getInt(header, 4), header[8], header[9], data);
        reset();
        handler.frame(frame);
      }
    }
  }

  /** Whether the bytes so far end in the middle of a frame. */
  public boolean midFrame() {
    return headerFill > 0 || discard > 0;
  }

  private boolean begin(FrameHandler handler) {
    int length = Frame.getInt(header, 0);
    if (length < 0 || length >= 1 << 24) {
      throw new MalformedMessageException(
          "a frame's header announces "
              + Integer.toUnsignedString(length)
              + " bytes, at most "
              + Frame.MAX_DATA
              + " are allowed: this is not ttrpc");
    }
    if (length > maxData) {
      discard = length;
      headerFill = 0;
      handler.oversized(Frame.getInt(header, 4), header[8], length);
      return false;
    }
    dataLength = length;
    data = length == 0 ? ProtoMessage.NO_BYTES : new byte[Math.min(length, FIRST_ALLOCATION)];
    return true;
  }

  private void reset() {
    headerFill = 0;
    dataFill = 0;
    dataLength = 0;
    data = ProtoMessage.NO_BYTES;
  }
}
