package dev.casemate.rpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.casemate.protobuf.MalformedMessageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Client and server over a socket. */
@Timeout(60)
class TtrpcTest {
  private final CountDownLatch release = new CountDownLatch(1);
  private final AtomicInteger blocked = new AtomicInteger();
  private final AtomicInteger unheard = new AtomicInteger();
  private SocketPair pair = new SocketPair();
  private TtrpcServer server = new TtrpcServer(List.of(new Echo()), 8);
  private TtrpcClient client = new TtrpcClient(pair.client, "the test's server");

  @BeforeEach
  void serve() {
    server.start(pair.server);
  }

  @AfterEach
  void end() {
    release.countDown();
    client.close();
    server.close();
    pair.close();
  }

  private final class Echo implements RpcService {
    @Override
    public String name() {
      return "test.Echo";
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      return switch (method) {
        case "Echo" -> payload;
        case "Block" -> {
          blocked.incrementAndGet();
          try {
            release.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          yield payload;
        }
        case "Fail" -> throw new RpcException(RpcStatus.NOT_FOUND, "no container 'x'");
        case "Break" -> throw new IllegalStateException("broken");
        case "Overflow" -> call("Overflow", payload, context);
        case "Parse" -> throw new MalformedMessageException("bad");
        case "Large" -> new byte[Frame.MAX_DATA + 1];
        case "Context" ->
            (context.timeoutNanos() + " " + context.metadata().get("containerd-namespace-ttrpc"))
                .getBytes(UTF_8);
        default -> throw RpcException.unimplemented(name(), method);
      };
    }

    @Override
    public void unheard(String method, byte[] payload) {
      assertThat(method).isEqualTo("Block");
      assertThat(payload).containsExactly(7);
      unheard.incrementAndGet();
    }
  }

  private RpcException failure(String service, String method) {
    return catchThrowableOfType(
        RpcException.class, () -> client.call(service, method, new byte[0], 5000));
  }

  @Test
  void answers() {
    for (int size : new int[] {0, 1, 31_000, 33_000, 1 << 20, Frame.MAX_DATA - 100}) {
      byte[] payload = new byte[size];
      new Random(size).nextBytes(payload);
      assertThat(client.call("test.Echo", "Echo", payload, 20_000)).isEqualTo(payload);
    }
    assertThat(pair.client.longestWrite()).isEqualTo(32768);
    assertThat(pair.server.longestWrite()).isEqualTo(32768);
  }

  @Test
  void theServiceIsToldThatNobodyHears() throws InterruptedException {
    SocketPair other = new SocketPair();
    Thread connection = new Thread(() -> server.serve(other.server));
    connection.start();
    TtrpcClient leaving = new TtrpcClient(other.client, "the test's server");
    Thread caller =
        new Thread(
            () ->
                assertThatThrownBy(() -> leaving.call("test.Echo", "Block", new byte[] {7}, 20_000))
                    .isInstanceOf(ConnectionLostException.class));
    caller.start();
    for (int i = 0; i < 1000 && blocked.get() == 0; i++) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    leaving.close();
    connection.join();
    caller.join();
    assertThat(unheard).hasValue(0);
    release.countDown();
    for (int i = 0; i < 1000 && unheard.get() == 0; i++) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(client.call("test.Echo", "Block", new byte[] {7}, 5000)).containsExactly(7);
    assertThat(unheard).hasValue(1);
    other.close();
  }

  @Test
  void tellsTimeoutAndMetadata() {
    byte[] answer =
        client.call(
            "test.Echo",
            "Context",
            new byte[0],
            1500,
            Map.of("containerd-namespace-ttrpc", "k8s.io"));
    assertThat(new String(answer, UTF_8)).isEqualTo("1500000000 k8s.io");
    assertThat(new String(client.call("test.Echo", "Context", new byte[0], 0), UTF_8))
        .isEqualTo("0 null");
  }

  @Test
  void tellsWhatFailed() {
    assertThat(failure("test.Echo", "Fail"))
        .hasMessage("no container 'x'")
        .extracting(RpcException::status)
        .isEqualTo(RpcStatus.NOT_FOUND);
    assertThat(failure("test.Echo", "Break"))
        .hasMessage("broken")
        .extracting(RpcException::status)
        .isEqualTo(RpcStatus.UNKNOWN);
    assertThat(failure("test.Echo", "Overflow").status()).isEqualTo(RpcStatus.INTERNAL);
    assertThat(failure("test.Echo", "Parse").status()).isEqualTo(RpcStatus.INVALID_ARGUMENT);
    assertThat(failure("test.Echo", "Large").status()).isEqualTo(RpcStatus.RESOURCE_EXHAUSTED);
    assertThat(failure("test.Echo", "Nope"))
        .hasMessageContaining("Nope")
        .hasMessageContaining("test.Echo")
        .extracting(e -> e.status().code())
        .isEqualTo(12);
    assertThat(failure("test.Other", "Nope"))
        .hasMessageContaining("test.Other")
        .extracting(e -> e.status().code())
        .isEqualTo(12);
    assertThatThrownBy(() -> client.call("test.Echo", "Echo", new byte[Frame.MAX_DATA], 0))
        .hasMessageContaining("at most 4194304 can be sent");
    assertThat(client.call("test.Echo", "Echo", new byte[] {1}, 5000)).containsExactly(1);
  }

  @Test
  void keepsManyCallsApart() throws Exception {
    List<Future<?>> threads = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(8)) {
      for (int t = 0; t < 8; t++) {
        int seed = t;
        threads.add(
            executor.submit(
                () -> {
                  Random random = new Random(seed);
                  for (int i = 0; i < 400; i++) {
                    byte[] payload = new byte[random.nextInt(i % 50 == 0 ? 300_000 : 200)];
                    random.nextBytes(payload);
                    assertThat(client.call("test.Echo", "Echo", payload, 30_000))
                        .isEqualTo(payload);
                  }
                }));
      }
    }
    for (Future<?> thread : threads) {
      thread.get();
    }
  }

  @Test
  void answersOthersWhileOneBlocks() throws Exception {
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> waiting =
          executor.submit(() -> client.call("test.Echo", "Block", new byte[] {9}, 0));
      assertThat(client.call("test.Echo", "Echo", new byte[] {1}, 5000)).containsExactly(1);
      assertThat(waiting.isDone()).isFalse();
      release.countDown();
      assertThat(waiting.get()).containsExactly(9);
    }
  }

  @Test
  void tellsWhenAllIsAnswered() throws Exception {
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      assertThat(server.awaitIdle(60_000)).isTrue();
      Future<byte[]> waiting =
          executor.submit(() -> client.call("test.Echo", "Block", new byte[] {9}, 0));
      while (blocked.get() == 0) {
        Thread.onSpinWait();
      }
      assertThat(server.awaitIdle(1)).isFalse();
      release.countDown();
      assertThat(server.awaitIdle(60_000)).isTrue();
      server.close();
      assertThat(waiting.get()).containsExactly(9);
    }
  }

  @Test
  void takesAnyTimeout() {
    assertThat(client.call("test.Echo", "Echo", new byte[] {1}, Long.MAX_VALUE)).containsExactly(1);
    assertThatThrownBy(() -> client.call("test.Echo", "Echo", new byte[0], -1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void endsCallsInTime() {
    long start = System.nanoTime();
    assertThatThrownBy(() -> client.call("test.Echo", "Block", new byte[0], 100))
        .isInstanceOf(RpcException.class)
        .hasMessage("the test's server did not answer test.Echo/Block within 100 ms");
    assertThat(System.nanoTime() - start).isBetween(100_000_000L, 3_000_000_000L);
    release.countDown();
    assertThat(client.call("test.Echo", "Echo", new byte[] {1}, 5000)).containsExactly(1);
  }

  @Test
  void refusesMoreThanSoManyAtATime() throws Exception {
    try (ExecutorService executor = Executors.newFixedThreadPool(8)) {
      List<Future<byte[]>> waiting = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        waiting.add(executor.submit(() -> client.call("test.Echo", "Block", new byte[0], 0)));
      }
      while (blocked.get() < 8) {
        TimeUnit.MILLISECONDS.sleep(1);
      }
      assertThat(failure("test.Echo", "Echo").status()).isEqualTo(RpcStatus.RESOURCE_EXHAUSTED);
      release.countDown();
      for (Future<byte[]> call : waiting) {
        call.get();
      }
      assertThat(client.call("test.Echo", "Echo", new byte[] {1}, 5000)).containsExactly(1);
    }
  }

  @Test
  void failsCallsAtOnceWhenTheServerDies() throws Exception {
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> waiting =
          executor.submit(() -> client.call("test.Echo", "Block", new byte[0], 0));
      while (blocked.get() < 1) {
        TimeUnit.MILLISECONDS.sleep(1);
      }
      long start = System.nanoTime();
      server.close();
      assertThatThrownBy(waiting::get)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOf(ConnectionLostException.class)
          .hasMessage("test.Echo/Block: the test's server closed the connection");
      assertThat(System.nanoTime() - start).isLessThan(2_000_000_000L);
      assertThat(client.isOpen()).isFalse();
      assertThatThrownBy(() -> client.call("test.Echo", "Echo", new byte[0], 0))
          .isInstanceOf(ConnectionLostException.class);
    }
  }

  @Test
  void failsCallsWhenItIsClosed() throws Exception {
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> waiting =
          executor.submit(() -> client.call("test.Echo", "Block", new byte[0], 0));
      while (blocked.get() < 1) {
        TimeUnit.MILLISECONDS.sleep(1);
      }
      client.close();
      assertThatThrownBy(waiting::get)
          .cause()
          .isInstanceOf(ConnectionLostException.class)
          .hasMessageContaining("closed on this side");
    }
  }

  @Test
  void givesUpWhenItsThreadIsInterrupted() {
    Thread.currentThread().interrupt();
    assertThat(failure("test.Echo", "Block").status()).isEqualTo(RpcStatus.CANCELLED);
    assertThat(Thread.interrupted()).isTrue();
  }
}
