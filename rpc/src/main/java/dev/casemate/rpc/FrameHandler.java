package dev.casemate.rpc;

/** Takes what a {@link FrameDecoder} finds. */
public interface FrameHandler {
  /** A whole frame came. */
  void frame(Frame frame);

  /**
   * A frame comes that has more than {@link Frame#MAX_DATA} bytes of data. The decoder passes over
   * them.
   *
   * @param streamId the call
   * @param type the frame's type
   * @param length bytes of data
   */
  void oversized(int streamId, int type, int length);
}
