package dev.casemate.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers that break the protocol, stop reading or vanish. */
@Timeout(60)
class HostilePeerTest {
  @Test
  void clientEndsInTimeWhenNothingIsRead() throws Exception {
    try (SocketPair pair = new SocketPair();
        TtrpcClient client = new TtrpcClient(pair.client, "a server that does not read");
        ExecutorService executor = Executors.newFixedThreadPool(6)) {
      List<Future<?>> calls = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        calls.add(
            executor.submit(
                () ->
                    assertThatThrownBy(() -> client.call("s", "m", new byte[3 << 20], 300))
                        .isInstanceOf(RpcException.class)
                        .hasMessageContaining("within 300 ms")));
      }
      for (Future<?> call : calls) {
        call.get(10, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void clientPassesOverAnswersThatNobodyWaitsFor() throws Exception {
    try (SocketPair pair = new SocketPair();
        TtrpcClient client = new TtrpcClient(pair.client, "a confused server");
        ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> call = executor.submit(() -> client.call("s", "m", new byte[0], 5000));
      readSome(pair);
      send(pair, RpcResponse.frame(77, new byte[100]));
      send(pair, RpcResponse.frame(0, new byte[100]));
      byte[] data = RpcResponse.frame(1, new byte[] {8});
      data[8] = Frame.DATA;
      send(pair, data);
      data[8] = 99;
      send(pair, data);
      send(pair, RpcResponse.frame(1, new byte[] {5}));
      assertThat(call.get()).containsExactly(5);
    }
  }

  @Test
  void clientEndsAConnectionThatIsFullOfAnswersToNoQuestion() throws Exception {
    try (SocketPair pair = new SocketPair();
        TtrpcClient client = new TtrpcClient(pair.client, "a talkative server");
        ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> call = executor.submit(() -> client.call("s", "m", new byte[0], 5000));
      readSome(pair);
      byte[] answer = RpcResponse.frame(77, new byte[1]);
      byte[] many = new byte[1000 * answer.length];
      for (int i = 0; i < 1000; i++) {
        System.arraycopy(answer, 0, many, i * answer.length, answer.length);
      }
      send(pair, many);
      assertThat(client.lossReason()).isEmpty();
      send(pair, many);
      assertThatThrownBy(call::get)
          .cause()
          .isInstanceOf(ConnectionLostException.class)
          .hasMessageContaining("more than 1024 frames that match no request");
      assertThat(client.lossReason().orElseThrow()).contains("a talkative server");
    }
  }

  @Test
  void clientExpectsAnswersToCallsThatItGaveUp() throws Exception {
    try (SocketPair pair = new SocketPair();
        TtrpcClient client = new TtrpcClient(pair.client, "a late server")) {
      for (int i = 0; i < 1100; i++) {
        assertThatThrownBy(() -> client.call("s", "m", new byte[0], 1))
            .isInstanceOf(RpcException.class)
            .hasMessageContaining("within 1 ms");
      }
      for (int i = 0; i < 2000; i++) {
        send(pair, RpcResponse.frame(2 * i + 1, new byte[1]));
      }
      Thread.sleep(100);
      assertThat(client.lossReason()).isEmpty();
    }
  }

  @Test
  void clientTakesMalformedAndOversizedAnswersForFailures() throws Exception {
    try (SocketPair pair = new SocketPair();
        TtrpcClient client = new TtrpcClient(pair.client, "a broken server");
        ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> malformed = executor.submit(() -> client.call("s", "m", new byte[0], 5000));
      readSome(pair);
      byte[] frame = RpcResponse.frame(1, new byte[] {8});
      frame[frame.length - 2] = 100;
      send(pair, frame);
      assertThatThrownBy(malformed::get).cause().hasMessageContaining("malformed response");
      Future<byte[]> oversized = executor.submit(() -> client.call("s", "m", new byte[0], 5000));
      readSome(pair);
      send(pair, new byte[] {0, 0x50, 0, 0, 0, 0, 0, 3, 2, 0});
      assertThatThrownBy(oversized::get).cause().hasMessageContaining("5242880 bytes");
      Future<byte[]> after = executor.submit(() -> client.call("s", "m", new byte[0], 5000));
      readSome(pair);
      send(pair, new byte[5 << 20]);
      send(pair, new byte[] {1, 0, 0, 0, 0, 0, 0, 5, 2, 0});
      assertThatThrownBy(after::get).cause().isInstanceOf(ConnectionLostException.class);
    }
  }

  @Test
  void clientSurvivesGarbage() throws Exception {
    Random random = new Random(4711);
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      for (int i = 0; i < 150; i++) {
        try (SocketPair pair = new SocketPair();
            TtrpcClient client = new TtrpcClient(pair.client, "a garbage server")) {
          Future<byte[]> call = executor.submit(() -> client.call("s", "m", new byte[0], 5000));
          readSome(pair);
          byte[] b =
              i % 2 == 0
                  ? RpcResponse.errorFrame(1, RpcStatus.ABORTED, "no")
                  : new byte[1 + random.nextInt(200)];
          if (i % 2 == 0) {
            b[10 + random.nextInt(b.length - 10)] ^= (byte) (1 << random.nextInt(8));
          } else {
            random.nextBytes(b);
          }
          send(pair, b);
          pair.server.close();
          try {
            call.get(10, TimeUnit.SECONDS);
          } catch (java.util.concurrent.ExecutionException e) {
            assertThat(e.getCause()).isInstanceOf(RpcException.class);
          }
        }
      }
    }
  }

  @Test
  void serverHoldsBackAClientThatDoesNotRead() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    RpcService service =
        new RpcService() {
          @Override
          public String name() {
            return "s";
          }

          @Override
          public byte[] call(String method, byte[] payload, RpcContext context) {
            calls.incrementAndGet();
            return new byte[1 << 20];
          }
        };
    try (SocketPair pair = new SocketPair();
        TtrpcServer server = new TtrpcServer(List.of(service), 4)) {
      server.start(pair.server);
      pair.client.socket.configureBlocking(false);
      long written = 0;
      int idle = 0;
      for (int id = 1; idle < 200; id += 2) {
        byte[] frame = RpcRequest.frame("s", "m", new byte[1000], 0, Map.of());
        Frame.putHeader(frame, id, Frame.REQUEST);
        int count = pair.client.socket.write(java.nio.ByteBuffer.wrap(frame));
        written += count;
        if (count == 0) {
          idle++;
          TimeUnit.MILLISECONDS.sleep(1);
        } else if (count < frame.length) {
          break;
        }
      }
      TimeUnit.MILLISECONDS.sleep(50);
      // Four that wait for their turn to write, and the one that writes.
      assertThat(calls.get()).isLessThanOrEqualTo(5);
      assertThat(written).isLessThan(4 << 20);
    }
  }

  @Test
  void serverAnswersWhatItDoesNotTake() {
    try (SocketPair pair = new SocketPair();
        TtrpcServer server = new TtrpcServer(List.of())) {
      server.start(pair.server);
      byte[] even = RpcRequest.frame("s", "m", new byte[0], 0, Map.of());
      Frame.putHeader(even, 2, Frame.REQUEST);
      pair.client.write(even, 0, even.length);
      assertThat(answer(pair).message()).contains("even");
      byte[] stream = RpcRequest.frame("s", "m", new byte[0], 0, Map.of());
      Frame.putHeader(stream, 3, Frame.REQUEST);
      stream[9] = Frame.REMOTE_OPEN;
      pair.client.write(stream, 0, stream.length);
      assertThat(answer(pair).status()).isEqualTo(RpcStatus.UNIMPLEMENTED);
      byte[] malformed = {0, 0, 0, 2, 0, 0, 0, 5, 1, 0, 10, 9};
      pair.client.write(malformed, 0, malformed.length);
      assertThat(answer(pair).status()).isEqualTo(RpcStatus.INVALID_ARGUMENT);
      byte[] oversized = {0, 0x40, 0, 1, 0, 0, 0, 7, 1, 0};
      pair.client.write(oversized, 0, oversized.length);
      assertThat(answer(pair).status()).isEqualTo(RpcStatus.RESOURCE_EXHAUSTED);
      byte[] rest = new byte[Frame.MAX_DATA + 1];
      pair.client.write(rest, 0, rest.length);
      pair.client.write(even, 0, even.length);
      assertThat(answer(pair).message()).contains("even");
    }
  }

  @Test
  void serverEndsTheConnectionAtWhatIsNotTtrpc() {
    try (SocketPair pair = new SocketPair();
        TtrpcServer server = new TtrpcServer(List.of())) {
      server.start(pair.server);
      byte[] http = "GET / HTTP/1.1\r\n\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      pair.client.write(http, 0, http.length);
      assertThat(pair.client.read(new byte[10], 0, 10)).isEqualTo(-1);
    }
  }

  private static RpcResponse answer(SocketPair pair) {
    List<Frame> frames = new ArrayList<>();
    FrameDecoder decoder = new FrameDecoder();
    byte[] b = new byte[4096];
    while (frames.isEmpty()) {
      int count = pair.client.read(b, 0, b.length);
      assertThat(count).isPositive();
      decoder.feed(
          b,
          0,
          count,
          new FrameHandler() {
            @Override
            public void frame(Frame frame) {
              frames.add(frame);
            }

            @Override
            public void oversized(int streamId, int type, int length) {}
          });
    }
    return RpcResponse.decode(frames.get(0).data());
  }

  private static void readSome(SocketPair pair) {
    assertThat(pair.server.read(new byte[4096], 0, 4096)).isPositive();
  }

  private static void send(SocketPair pair, byte[] b) {
    try {
      pair.server.write(b, 0, b.length);
    } catch (java.io.UncheckedIOException e) {
      // The client may have closed the connection by now, as it should.
      assertThat(e.getCause()).isInstanceOf(java.io.IOException.class);
    }
  }
}
