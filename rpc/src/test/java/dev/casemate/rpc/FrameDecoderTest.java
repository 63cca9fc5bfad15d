package dev.casemate.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.protobuf.MalformedMessageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FrameDecoderTest {
  /** Writes down what comes. */
  private static final class Recorder implements FrameHandler {
    final List<String> seen = new ArrayList<>();

    @Override
    public void frame(Frame frame) {
      seen.add(
          frame.streamId()
              + "/"
              + frame.type()
              + "/"
              + frame.flags()
              + "/"
              + frame.data().length
              + "/"
              + Arrays.hashCode(frame.data()));
    }

    @Override
    public void oversized(int streamId, int type, int length) {
      seen.add("oversized " + streamId + "/" + type + "/" + length);
    }
  }

  @Test
  void findsFramesHoweverTheyAreCut() {
    Random random = new Random(7);
    List<byte[]> frames = new ArrayList<>();
    int total = 0;
    for (int i = 0; i < 60; i++) {
      byte[] frame = new byte[10 + (i % 5 == 0 ? 0 : random.nextInt(i % 7 == 0 ? 200_000 : 300))];
      random.nextBytes(frame);
      Frame.putHeader(frame, 2 * i + 1, 1 + i % 3);
      frames.add(frame);
      total += frame.length;
    }
    byte[] all = new byte[total];
    int at = 0;
    for (byte[] frame : frames) {
      System.arraycopy(frame, 0, all, at, frame.length);
      at += frame.length;
    }
    Recorder whole = new Recorder();
    FrameDecoder decoder = new FrameDecoder();
    decoder.feed(all, 0, all.length, whole);
    assertThat(whole.seen).hasSize(60);
    assertThat(decoder.midFrame()).isFalse();
    for (int most : new int[] {1, 2, 3, 11, 1000, 70_000}) {
      Recorder pieces = new Recorder();
      FrameDecoder other = new FrameDecoder();
      for (int off = 0; off < all.length; ) {
        int len = Math.min(all.length - off, 1 + random.nextInt(most));
        other.feed(all, off, len, pieces);
        off += len;
      }
      assertThat(pieces.seen).isEqualTo(whole.seen);
    }
  }

  @Test
  void refusesLengthsThatNoSenderOfTtrpcWrites() {
    for (int first : new int[] {1, 0x47, 0x7f, 0x80, 0xff}) {
      byte[] header = new byte[10];
      header[0] = (byte) first;
      assertThatThrownBy(() -> new FrameDecoder().feed(header, 0, 10, new Recorder()))
          .isInstanceOf(MalformedMessageException.class)
          .hasMessageContaining("at most 4194304");
    }
  }

  @Test
  void passesOverFramesThatAreTooLarge() {
    byte[] header = new byte[10];
    header[1] = 0x40;
    header[3] = 1;
    header[7] = 5;
    header[8] = 1;
    Recorder seen = new Recorder();
    FrameDecoder decoder = new FrameDecoder();
    decoder.feed(header, 0, 10, seen);
    byte[] piece = new byte[1 << 20];
    for (int i = 0; i < 4; i++) {
      decoder.feed(piece, 0, piece.length, seen);
    }
    assertThat(decoder.midFrame()).isTrue();
    byte[] request = RpcRequest.frame("s", "m", new byte[3], 0, Map.of());
    Frame.putHeader(request, 7, Frame.REQUEST);
    byte[] rest = new byte[1 + request.length];
    System.arraycopy(request, 0, rest, 1, request.length);
    decoder.feed(rest, 0, rest.length, seen);
    assertThat(seen.seen).hasSize(2);
    assertThat(seen.seen.get(0)).isEqualTo("oversized 5/1/4194305");
    assertThat(seen.seen.get(1)).startsWith("7/1/0/");
  }

  @Test
  void takesTheLargestFrame() {
    byte[] frame = new byte[10 + Frame.MAX_DATA];
    new Random(1).nextBytes(frame);
    Frame.putHeader(frame, 3, Frame.RESPONSE);
    List<byte[]> data = new ArrayList<>();
    FrameDecoder decoder = new FrameDecoder();
    FrameHandler keeper =
        new FrameHandler() {
          @Override
          public void frame(Frame f) {
            data.add(f.data());
          }

          @Override
          public void oversized(int streamId, int type, int length) {
            throw new AssertionError("4 MiB are allowed");
          }
        };
    for (int off = 0; off < frame.length; off += 32768) {
      decoder.feed(frame, off, Math.min(32768, frame.length - off), keeper);
    }
    assertThat(data).hasSize(1);
    assertThat(data.get(0)).isEqualTo(Arrays.copyOfRange(frame, 10, frame.length));
  }

  @Test
  void survivesGarbage() {
    Random random = new Random(99);
    for (int i = 0; i < 20_000; i++) {
      FrameDecoder decoder = new FrameDecoder();
      byte[] b = new byte[random.nextInt(64)];
      random.nextBytes(b);
      if (b.length > 1 && random.nextBoolean()) {
        b[0] = 0;
        b[1] = 0;
      }
      try {
        decoder.feed(b, 0, b.length, new Recorder());
      } catch (MalformedMessageException e) {
        assertThat(e.getMessage()).contains("header announces");
      }
    }
  }
}
