package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.agent.CheckRequest;
import dev.casemate.protocol.agent.HealthCheckResponse;
import dev.casemate.protocol.google.Empty;
import dev.casemate.rpc.Channel;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The port is a socket pair here; the agent's loop runs in a thread of the test. */
class HostConnectionTest {
  private final Fd[] pair = UnixSocket.pair();
  private final List<Answer> held = new ArrayList<>();
  private final CountDownLatch holding = new CountDownLatch(1);
  private volatile boolean over;
  private Thread agent = Thread.currentThread();

  @BeforeEach
  void startAgent() {
    Console console = new Console();
    Loop loop = new Loop(console);
    pair[0].nonBlocking(true);
    new HostConnection(loop, console, pair[0], this::serve).start();
    agent =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!over) {
                    loop.after(10, () -> {});
                    loop.runOnce();
                  }
                });
  }

  @AfterEach
  void stopAgent() throws InterruptedException {
    over = true;
    agent.join();
    pair[1].close();
  }

  private void serve(String service, String method, byte[] payload, Answer answer) {
    switch (method) {
      case "Hold" -> {
        held.add(answer);
        holding.countDown();
      }
      case "Held" -> {
        Answer first = held.getFirst();
        answer.ok(HealthCheckResponse.builder().status(first.isWanted() ? 1 : 2).build());
        if (!first.isWanted()) {
          first.ok(Empty.builder().build());
        }
      }
      case "Large" -> answer.ok(CheckRequest.builder().service("x".repeat(1 << 20)).build());
      default -> throw new StackOverflowError("test");
    }
  }

  /** A client that leaves the connection open when it goes, as a port without its host stays. */
  private TtrpcClient client() {
    return new TtrpcClient(
        new Channel() {
          private volatile boolean closed;

          @Override
          public int read(byte[] b, int off, int len) {
            while (!closed) {
              int ready = dev.casemate.linux.Poll.await(pair[1], dev.casemate.linux.Poll.IN, 20);
              if (!closed && ready != 0) {
                return pair[1].read(b, off, len);
              }
            }
            return -1;
          }

          @Override
          public void write(byte[] b, int off, int len) {
            pair[1].writeAll(b, off, len);
          }

          @Override
          public void close() {
            closed = true;
          }
        },
        "the agent");
  }

  private static byte[] call(TtrpcClient client, String method) {
    return client.call("test", method, new byte[0], 10_000);
  }

  @Test
  void answersLargeAndFailedRequests() {
    try (TtrpcClient client = client()) {
      assertThat(CheckRequest.decode(call(client, "Large")).service()).hasSize(1 << 20);
      assertThatThrownBy(() -> call(client, "Nonsense"))
          .isInstanceOf(RpcException.class)
          .hasMessageContaining("StackOverflowError");
      assertThat(CheckRequest.decode(call(client, "Large")).service()).hasSize(1 << 20);
    }
  }

  @Test
  void noticesANewHostThoughTheGapWentUnseen() throws Exception {
    TtrpcClient first = client();
    CompletableFuture<Void> waiting =
        CompletableFuture.runAsync(
            () ->
                assertThatThrownBy(() -> call(first, "Hold")).isInstanceOf(RuntimeException.class));
    assertThat(holding.await(10, TimeUnit.SECONDS)).isTrue();
    first.close();
    waiting.get(10, TimeUnit.SECONDS);
    Thread.sleep(50);
    try (TtrpcClient second = client()) {
      // Were the sessions one, the first answer would be taken for that of this call.
      assertThat(HealthCheckResponse.decode(call(second, "Held")).status()).isEqualTo(2);
      assertThat(CheckRequest.decode(call(second, "Large")).service()).hasSize(1 << 20);
    }
  }

  @Test
  void startsAnewAfterRubbish() throws Exception {
    byte[] rubbish = new byte[100];
    java.util.Arrays.fill(rubbish, (byte) 0xff);
    pair[1].writeAll(rubbish);
    Thread.sleep(100);
    try (TtrpcClient client = client()) {
      assertThat(CheckRequest.decode(call(client, "Large")).service()).hasSize(1 << 20);
    }
  }
}
