package dev.casemate.rpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.protobuf.MalformedMessageException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TtrpcSessionTest {
  private final List<Responder> later = new ArrayList<>();
  private final TtrpcSession session = new TtrpcSession(this::dispatch, 4);

  private void dispatch(String service, String method, byte[] payload, Responder responder) {
    switch (method) {
      case "Echo" -> responder.reply(payload);
      case "Later" -> later.add(responder);
      case "Twice" -> {
        responder.reply(payload);
        throw new IllegalStateException("after the answer");
      }
      default -> throw RpcException.unimplemented(service, method);
    }
  }

  private static byte[] request(int id, String method, byte[] payload) {
    byte[] frame = RpcRequest.frame("test.Service", method, payload, 0, Map.of());
    Frame.putHeader(frame, id, Frame.REQUEST);
    return frame;
  }

  private void feed(byte[] b) {
    session.feed(b, 0, b.length);
  }

  /** Drains through a sink that takes a few bytes now and then. */
  private List<String> answers() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Random random = new Random(3);
    int[] longest = {0};
    while (!session.drain(
        (b, off, len) -> {
          longest[0] = Math.max(longest[0], len);
          int count = Math.min(len, random.nextInt(5000));
          out.write(b, off, count);
          return count;
        })) {
      assertThat(session.outputBytes()).isPositive();
    }
    assertThat(longest[0]).isLessThanOrEqualTo(32768);
    assertThat(session.outputBytes()).isZero();
    List<String> answers = new ArrayList<>();
    new FrameDecoder()
        .feed(
            out.toByteArray(),
            0,
            out.size(),
            new FrameHandler() {
              @Override
              public void frame(Frame frame) {
                RpcResponse response = RpcResponse.decode(frame.data());
                answers.add(
                    frame.streamId() + " " + response.status() + " " + response.payload().length);
              }

              @Override
              public void oversized(int streamId, int type, int length) {
                answers.add("oversized");
              }
            });
    return answers;
  }

  @Test
  void answersAtOnceAndLater() {
    feed(request(1, "Later", new byte[1]));
    feed(request(3, "Echo", new byte[70_000]));
    byte[] cut = request(5, "Nope", new byte[0]);
    for (byte b : cut) {
      session.feed(new byte[] {b}, 0, 1);
    }
    assertThat(session.inFlight()).isEqualTo(1);
    later.get(0).reply(new byte[2]);
    assertThat(later.get(0).isDone()).isTrue();
    assertThat(session.inFlight()).isZero();
    assertThat(answers()).containsExactly("3 OK 70000", "5 UNIMPLEMENTED 0", "1 OK 2");
    assertThatThrownBy(() -> later.get(0).reply(new byte[0]))
        .isInstanceOf(IllegalStateException.class);
    feed(request(7, "Twice", new byte[3]));
    assertThat(answers()).containsExactly("7 OK 3");
  }

  @Test
  void boundsWhatWaits() {
    for (int id = 1; id <= 11; id += 2) {
      feed(request(id, "Later", new byte[0]));
    }
    assertThat(answers()).containsExactly("9 RESOURCE_EXHAUSTED 0", "11 RESOURCE_EXHAUSTED 0");
    assertThat(session.wantsInput()).isTrue();
    feed(request(13, "Echo", new byte[0]));
    later.get(0).reply(new byte[1 << 20]);
    assertThat(session.wantsInput()).isFalse();
    session.close();
    assertThat(session.outputBytes()).isZero();
    later.get(1).fail(RpcStatus.ABORTED, "too late");
    assertThat(session.outputBytes()).isZero();
  }

  @Test
  void servesTheBlockingClient() throws Exception {
    try (SocketPair pair = new SocketPair();
        TtrpcClient client = new TtrpcClient(pair.client, "the session")) {
      Thread loop =
          new Thread(
              () -> {
                byte[] b = new byte[10_000];
                int count;
                while ((count = pair.server.read(b, 0, b.length)) > 0) {
                  session.feed(b, 0, count);
                  session.drain(
                      (bytes, off, len) -> {
                        pair.server.write(bytes, off, len);
                        return len;
                      });
                }
              });
      loop.start();
      for (int i = 0; i < 300; i++) {
        byte[] payload = ("call " + i).repeat(i).getBytes(UTF_8);
        assertThat(client.call("test.Service", "Echo", payload, 5000)).isEqualTo(payload);
      }
      pair.client.close();
      loop.join();
    }
  }

  @Test
  void survivesGarbage() {
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      TtrpcSession fresh = new TtrpcSession(this::dispatch, 4);
      byte[] b = request(1, "Echo", new byte[random.nextInt(20)]);
      for (int flips = random.nextInt(4); flips >= 0; flips--) {
        b[random.nextInt(b.length)] ^= (byte) (1 << random.nextInt(8));
      }
      try {
        fresh.feed(b, 0, b.length);
      } catch (MalformedMessageException e) {
        assertThat(e.getMessage()).contains("not ttrpc");
      }
      assertThat(fresh.outputBytes()).isLessThan(5000);
    }
  }
}
