package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.linux.UnixSocket;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcService;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.rpc.TtrpcServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The socket of a sandbox process, with clients of all kinds. */
class AcceptorTest {
  @TempDir Path directory;
  private String path = "";
  private Fd listener;
  private TtrpcServer server;
  private final List<Fd> clients = new ArrayList<>();

  private static final class Echo implements RpcService {
    @Override
    public String name() {
      return "s";
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      return payload;
    }
  }

  @BeforeEach
  void listen() {
    path = directory.resolve("s").toString();
    listener = UnixSocket.listen(path, 512);
    server = new TtrpcServer(List.of(new Echo()));
    Threads.start("accept", () -> Acceptor.run(listener, server));
  }

  @AfterEach
  void close() {
    clients.forEach(Fd::close);
    server.close();
    UnixSocket.shutdown(listener, 2);
    listener.close();
  }

  private Fd connect() {
    Fd client = UnixSocket.connect(path);
    clients.add(client);
    return client;
  }

  private static void calls(Fd socket) {
    try (TtrpcClient client = new TtrpcClient(new FdChannel(socket), "the server")) {
      assertThat(client.call("s", "m", new byte[100_000], 5_000)).hasSize(100_000);
    }
  }

  @Test
  void oneConnectionTooManyIsClosedAndOthersGoOn() {
    Fd first = connect();
    for (int i = 1; i < TtrpcServer.MAX_CONNECTIONS; i++) {
      connect();
    }
    Fd tooMany = connect();
    assertThat(Poll.await(tooMany, Poll.IN, 5_000)).isNotZero();
    assertThat(tooMany.read(new byte[1], 0, 1)).isEqualTo(Fd.END);
    calls(first);
    // Its place is free again.
    Fd next = connect();
    for (int i = 0; i < 100 && Poll.await(next, Poll.IN, 20) != 0; i++) {
      next = connect();
    }
    calls(next);
  }

  @Test
  void aClientThatReadsNothingLosesItsConnection() {
    Fd bad = connect();
    bad.nonBlocking(true);
    byte[] frame = request();
    long begin = System.nanoTime();
    // Its answers fill the socket; then it is not read any more; then it is closed.
    int ready = 0;
    int done = 0;
    int id = 1;
    while ((ready & (Poll.HUP | Poll.ERR)) == 0 && System.nanoTime() - begin < 60e9) {
      try {
        int n = bad.write(frame, done, frame.length - done);
        done += n == Fd.WOULD_BLOCK ? 0 : n;
        if (done == frame.length) {
          done = 0;
          // Stream ids rise, and are odd.
          java.nio.ByteBuffer.wrap(frame).putInt(4, id += 2);
        }
      } catch (RuntimeException e) {
        break;
      }
      ready = Poll.await(bad, Poll.OUT, 50);
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    assertThat(seconds).isBetween(9.0, 40.0);
    calls(connect());
  }

  /** A whole request frame with 10 kB. */
  private static byte[] request() {
    byte[] payload = new byte[10_000];
    java.io.ByteArrayOutputStream body = new java.io.ByteArrayOutputStream();
    body.writeBytes(new byte[] {10, 1, 's', 18, 1, 'm', 26});
    int length = payload.length;
    body.writeBytes(new byte[] {(byte) (length & 0x7f | 0x80), (byte) (length >> 7)});
    body.writeBytes(payload);
    java.nio.ByteBuffer frame = java.nio.ByteBuffer.allocate(10 + body.size());
    frame.putInt(body.size()).putInt(1).put((byte) 1).put((byte) 0).put(body.toByteArray());
    return frame.array();
  }
}
