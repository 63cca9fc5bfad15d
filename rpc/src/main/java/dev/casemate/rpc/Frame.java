package dev.casemate.rpc;

/**
 * A ttrpc frame (PROTOCOL.md, "Message Frame"): a header of ten bytes and data.
 *
 * @param streamId the call; odd for those that clients begin
 * @param type one of {@link #REQUEST}, {@link #RESPONSE}, {@link #DATA}; others may come
 * @param flags of {@link #REMOTE_CLOSED} and {@link #REMOTE_OPEN}; 0 in unary calls
 * @param data at most {@link #MAX_DATA} bytes, not copied
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record Frame(int streamId, int type, int flags, byte[] data) {
  /** Bytes of a header. */
  public static final int HEADER_LENGTH = 10;

  /** The most bytes of data: 4 MiB. */
  public static final int MAX_DATA = 4 << 20;

  /** Begins a call. */
  public static final int REQUEST = 1;

  /** Ends a call. */
  public static final int RESPONSE = 2;

  /** Data of a stream. */
  public static final int DATA = 3;

  /** The sender sends no more on this stream. */
  public static final int REMOTE_CLOSED = 1;

  /** The sender continues to send on this stream. */
  public static final int REMOTE_OPEN = 2;

  /** Writes a header over the first ten bytes of a whole frame. */
  static void putHeader(byte[] frame, int streamId, int type) {
    putInt(frame, 0, frame.length - HEADER_LENGTH);
    putInt(frame, 4, streamId);
    frame[8] = (byte) type;
    frame[9] = 0;
  }

  private static void putInt(byte[] b, int at, int value) {
    for (int i = 0; i < 4; i++) {
      b[at + i] = (byte) (value >>> (24 - 8 * i));
    }
  }

  static int getInt(byte[] b, int at) {
    return (b[at] << 24)
        | ((b[at + 1] & 0xff) << 16)
        | ((b[at + 2] & 0xff) << 8)
        | (b[at + 3] & 0xff);
  }
}
