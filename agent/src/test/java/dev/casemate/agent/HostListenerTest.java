package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.linux.UnixSocket;
import dev.casemate.linux.VsockSocket;
import dev.casemate.protocol.agent.CheckRequest;
import dev.casemate.rpc.Channel;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Connections are socket pairs here, with peers that the test makes up. */
class HostListenerTest {
  private static final VsockSocket.Peer ROOT = new VsockSocket.Peer(2, 1023);
  private static final VsockSocket.Peer ANY_USER = new VsockSocket.Peer(2, 1024);
  private static final VsockSocket.Peer SELF = new VsockSocket.Peer(1, 7);
  private static final VsockSocket.Peer GUEST = new VsockSocket.Peer(77, 7);

  private final Queue<VsockSocket.Accepted> waiting = new ConcurrentLinkedQueue<>();

  /** Readable while a connection waits, as a listener is. */
  private final Fd listener = EventFd.open();

  private volatile boolean over;
  private Thread agent = Thread.currentThread();
  private Optional<HostListener> host = Optional.empty();

  private void start(boolean reservedOnly) {
    Console console = new Console();
    Loop loop = new Loop(console);
    HostListener made =
        new HostListener(
            loop,
            console,
            listener,
            () -> {
              EventFd.drain(listener);
              return Optional.ofNullable(waiting.poll());
            },
            reservedOnly,
            (service, method, payload, answer) ->
                answer.ok(CheckRequest.builder().service(method).build()));
    host = Optional.of(made);
    made.start();
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
  void stop() throws InterruptedException {
    over = true;
    agent.join();
    listener.close();
  }

  private Fd connect(VsockSocket.Peer peer) {
    Fd[] pair = UnixSocket.pair();
    pair[0].nonBlocking(true);
    waiting.add(new VsockSocket.Accepted(pair[0], peer));
    EventFd.signal(listener);
    return pair[1];
  }

  private static TtrpcClient client(Fd socket) {
    return new TtrpcClient(
        new Channel() {
          @Override
          public int read(byte[] b, int off, int len) {
            return socket.read(b, off, len);
          }

          @Override
          public void write(byte[] b, int off, int len) {
            socket.writeAll(b, off, len);
          }

          @Override
          public void close() {
            UnixSocket.shutdown(socket, 2);
          }
        },
        "the agent");
  }

  private static String ask(TtrpcClient client, String method) {
    return CheckRequest.decode(client.call("test", method, new byte[0], 10_000)).service();
  }

  private static boolean isClosed(Fd socket) {
    return Poll.await(socket, Poll.IN, 10_000) != 0 && socket.read(new byte[1], 0, 1) == Fd.END;
  }

  @Test
  void servesTheHostsRootOnly() {
    start(true);
    try (Fd own = connect(SELF);
        Fd other = connect(GUEST);
        Fd user = connect(ANY_USER)) {
      assertThat(isClosed(own)).isTrue();
      assertThat(isClosed(other)).isTrue();
      assertThat(isClosed(user)).isTrue();
    }
    try (Fd root = connect(ROOT);
        TtrpcClient client = client(root)) {
      assertThat(ask(client, "One")).isEqualTo("One");
    }
  }

  @Test
  void servesAnyPortOfTheHostIfToldTo() {
    start(false);
    try (Fd own = connect(SELF);
        Fd user = connect(ANY_USER);
        TtrpcClient client = client(user)) {
      assertThat(isClosed(own)).isTrue();
      assertThat(ask(client, "One")).isEqualTo("One");
    }
  }

  @Test
  void theNextConnectionWaitsForTheEndOfTheOneBefore() {
    start(true);
    try (Fd first = connect(ROOT);
        TtrpcClient one = client(first)) {
      assertThat(ask(one, "One")).isEqualTo("One");
      try (Fd second = connect(ROOT);
          TtrpcClient two = client(second)) {
        assertThatThrownBy(() -> two.call("test", "Early", new byte[0], 200))
            .isInstanceOf(RpcException.class);
        assertThat(ask(one, "Two")).isEqualTo("Two");
        one.close();
        assertThat(ask(two, "Three")).isEqualTo("Three");
        assertThat(host.orElseThrow().isFlushed()).isTrue();
      }
    }
  }

  @Test
  void whatIsNotTtrpcEndsItsConnectionOnly() {
    start(true);
    try (Fd bad = connect(ROOT)) {
      bad.writeAll(new byte[] {127, 0, 0, 0, 0, 0, 0, 1, 1, 0});
      assertThat(isClosed(bad)).isTrue();
    }
    try (Fd good = connect(ROOT);
        TtrpcClient client = client(good)) {
      assertThat(ask(client, "One")).isEqualTo("One");
    }
  }
}
