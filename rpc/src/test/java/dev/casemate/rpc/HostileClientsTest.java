package dev.casemate.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many clients at a time that ask and never read, or never even ask. */
@Timeout(60)
class HostileClientsTest {
  private static final int ANSWER_BYTES = 2000;

  private final CountDownLatch release = new CountDownLatch(1);
  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicInteger waiting = new AtomicInteger();
  private final List<SocketPair> pairs = new ArrayList<>();
  private final TtrpcServer server = new TtrpcServer(List.of(new Task()));

  private final class Task implements RpcService {
    @Override
    public String name() {
      return "Task";
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      if (method.equals("Wait")) {
        waiting.incrementAndGet();
        try {
          release.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      calls.incrementAndGet();
      return new byte[ANSWER_BYTES];
    }
  }

  @AfterEach
  void close() {
    release.countDown();
    server.close();
    pairs.forEach(SocketPair::close);
  }

  private SocketPair connect() {
    SocketPair pair = new SocketPair();
    pairs.add(pair);
    server.start(pair.server);
    return pair;
  }

  /** Sends requests until the server takes no more, or so many; reads nothing. */
  private int flood(SocketPair pair, String method, int count) {
    return flood(pair, method, count, 1000);
  }

  private int flood(SocketPair pair, String method, int count, int patienceMillis) {
    try {
      pair.client.socket.configureBlocking(false);
      for (int i = 0; i < count; i++) {
        byte[] frame = RpcRequest.frame("Task", method, new byte[20], 0, Map.of());
        Frame.putHeader(frame, 2 * i + 1, Frame.REQUEST);
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        long deadline = System.nanoTime() + patienceMillis * 1_000_000L;
        while (buffer.hasRemaining()) {
          if (pair.client.socket.write(buffer) == 0 && System.nanoTime() > deadline) {
            return i;
          }
        }
      }
      return count;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void assertAnswersInTime() {
    try (TtrpcClient client = new TtrpcClient(connect().client, "the server")) {
      for (int i = 0; i < 100; i++) {
        long start = System.nanoTime();
        assertThat(client.call("Task", "State", new byte[0], 10_000)).hasSize(ANSWER_BYTES);
        assertThat(System.nanoTime() - start).isLessThan(3_000_000_000L);
      }
    }
  }

  @Test
  void aHundredThatNeverReadHoldUpNobody() {
    for (int i = 0; i < 100; i++) {
      assertThat(flood(connect(), "State", 5000, 20)).isLessThan(5000);
    }
    assertAnswersInTime();
  }

  @Test
  void whatIsUnsentIsBounded() throws Exception {
    flood(connect(), "State", 100_000);
    int before;
    do {
      before = calls.get();
      TimeUnit.MILLISECONDS.sleep(100);
    } while (calls.get() > before);
    // The socket takes some hundred, too.
    assertThat(calls.get() * ANSWER_BYTES).isLessThan(2 * AnswerQueue.HIGH_WATER);
  }

  @Test
  void callsThatWaitLeavePlacesForOthers() throws Exception {
    for (int i = 0; i < 8; i++) {
      flood(connect(), "Wait", 3000);
    }
    int before;
    do {
      before = waiting.get();
      TimeUnit.MILLISECONDS.sleep(100);
    } while (waiting.get() > before);
    assertThat(waiting.get()).isBetween(3000, 8 * CallQuota.OWN + CallQuota.SHARED);
    assertAnswersInTime();
  }

  @Test
  void anEngineMayWaitForAThousandProcesses() throws Exception {
    SocketPair pair = connect();
    assertThat(flood(pair, "Wait", 1500, 20_000)).isEqualTo(1500);
    while (waiting.get() < 1500) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(flood(pair, "State", 1)).isEqualTo(1);
    pair.client.socket.configureBlocking(true);
    assertThat(pair.client.read(new byte[100], 0, 100)).isPositive();
    assertThat(waiting.get()).isEqualTo(1500);
    assertThat(calls.get()).isEqualTo(1);
  }

  @Test
  void silentClientsGiveTheirPlacesToNewOnes() {
    SocketPair first = connect();
    for (int i = 1; i < TtrpcServer.MAX_CONNECTIONS; i++) {
      connect();
    }
    assertAnswersInTime();
    assertThat(first.client.read(new byte[1], 0, 1)).isEqualTo(-1);
    assertAnswersInTime();
  }

  @Test
  void noMoreThanSoManyConnections() throws Exception {
    List<TtrpcClient> clients = new ArrayList<>();
    for (int i = 0; i < TtrpcServer.MAX_CONNECTIONS; i++) {
      TtrpcClient client = new TtrpcClient(connect().client, "the server");
      client.call("Task", "State", new byte[0], 10_000);
      clients.add(client);
    }
    assertThat(connect().client.read(new byte[1], 0, 1)).isEqualTo(-1);
    clients.get(7).call("Task", "State", new byte[0], 10_000);
    clients.get(7).close();
    // Its place is free once the server has seen its end.
    SocketPair next;
    do {
      TimeUnit.MILLISECONDS.sleep(10);
      next = connect();
      assertThat(flood(next, "State", 1)).isEqualTo(1);
      next.client.socket.configureBlocking(true);
    } while (next.client.read(new byte[100], 0, 100) < 0);
    clients.forEach(TtrpcClient::close);
  }

  @Test
  void aClientThatAsksForTooMuchAtATimeIsRefused() throws Exception {
    SocketPair pair = connect();
    byte[] request = RpcRequest.frame("Task", "Wait", new byte[3 << 20], 0, Map.of());
    for (int i = 0; i < 6; i++) {
      Frame.putHeader(request, 2 * i + 1, Frame.REQUEST);
      pair.client.write(request, 0, request.length);
    }
    byte[] answer = new byte[200];
    assertThat(pair.client.read(answer, 0, answer.length)).isPositive();
    assertThat(new String(answer, java.nio.charset.StandardCharsets.ISO_8859_1))
        .contains("have more than 16777216 bytes");
    assertThat(waiting.get()).isEqualTo(5);
  }
}
