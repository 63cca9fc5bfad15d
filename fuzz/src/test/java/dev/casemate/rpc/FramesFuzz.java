package dev.casemate.rpc;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.protobuf.MalformedMessageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Streams of ttrpc frames and of prefixed messages: the same, however they are cut to pieces. */
@Fuzzes({FrameDecoder.class, PrefixedMessages.class})
public final class FramesFuzz {
  private static final int LIMIT = 600;

  private FramesFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    int piece = data.length == 0 ? 1 : 1 + (data[0] & 0x1f);
    byte[] stream = data.length == 0 ? data : Arrays.copyOfRange(data, 1, data.length);
    Expect.same(frames(stream, stream.length + 1), frames(stream, piece));
    Expect.same(messages(stream, stream.length + 1), messages(stream, piece));
  }

  private static List<Object> frames(byte[] stream, int piece) {
    List<Object> found = new ArrayList<>();
    FrameDecoder decoder = new FrameDecoder();
    FrameHandler handler =
        new FrameHandler() {
          @Override
          public void frame(Frame frame) {
            Expect.that(frame.data().length <= Frame.MAX_DATA, "frame of ", frame.data().length);
            found.add(frame.streamId() + "/" + frame.type() + "/" + Arrays.hashCode(frame.data()));
          }

          @Override
          public void oversized(int streamId, int type, int length) {
            found.add(streamId + "/" + type + "/too long/" + length);
          }
        };
    try {
      for (int at = 0; at < stream.length; at += piece) {
        decoder.feed(stream, at, Math.min(piece, stream.length - at), handler);
      }
      found.add(decoder.midFrame());
    } catch (MalformedMessageException e) {
      found.add("malformed");
    }
    return found;
  }

  private static List<Object> messages(byte[] stream, int piece) {
    List<Object> found = new ArrayList<>();
    PrefixedMessages messages = new PrefixedMessages(LIMIT);
    try {
      for (int at = 0; at < stream.length; at += piece) {
        byte[] next = Arrays.copyOfRange(stream, at, Math.min(at + piece, stream.length));
        for (byte[] message : messages.add(next, next.length)) {
          Expect.that(message.length <= LIMIT, "message of ", message.length);
          found.add(Arrays.toString(message));
        }
      }
    } catch (MalformedMessageException e) {
      // What came before is told or not, as the pieces have it.
      return List.of("malformed");
    }
    return found;
  }
}
