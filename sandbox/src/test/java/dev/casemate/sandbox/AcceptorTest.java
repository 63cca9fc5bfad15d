package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.ResourceLimits;
import dev.casemate.linux.UnixSocket;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcService;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.rpc.TtrpcServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server behind a real socket, and clients that do not do their part. */
@Timeout(60)
class AcceptorTest {
  private static final int ANSWER_BYTES = 1 << 20;
  private static final int PATIENCE_MILLIS = 700;

  @TempDir Path directory;
  private String path = "";
  private Fd listener = Fd.STDIN;
  private final TtrpcServer server = new TtrpcServer(List.of(new Large()));
  private Thread acceptor = Thread.currentThread();

  private static final class Large implements RpcService {
    @Override
    public String name() {
      return "Large";
    }

    @Override
    public byte[] call(String method, byte[] payload, RpcContext context) {
      return new byte[ANSWER_BYTES];
    }
  }

  @BeforeEach
  void listen() {
    path = directory.resolve("socket").toString();
    listener = UnixSocket.listen(path, 64);
    acceptor = Threads.start("accept", () -> Acceptor.run(listener, server, PATIENCE_MILLIS));
  }

  @AfterEach
  void close() {
    server.close();
    // Wakes who accepts; to close alone does not.
    UnixSocket.shutdown(listener, 2);
    listener.close();
  }

  private void assertAnswers() {
    try (TtrpcClient client =
        new TtrpcClient(new FdChannel(UnixSocket.connect(path)), "the server")) {
      assertThat(client.call("Large", "Get", new byte[0], 5_000)).hasSize(ANSWER_BYTES);
    }
  }

  /** A request of ttrpc for the service, by hand. */
  private static byte[] request() {
    byte[] data = "\n\u0005Large\u0012\u0003Get".getBytes(java.nio.charset.StandardCharsets.UTF_8);
    byte[] frame = new byte[10 + data.length];
    frame[3] = (byte) data.length;
    frame[7] = 1;
    frame[8] = 1;
    System.arraycopy(data, 0, frame, 10, data.length);
    return frame;
  }

  @Test
  void whoTakesNothingIsCutOff() {
    try (Fd client = UnixSocket.connect(path)) {
      long start = System.nanoTime();
      client.writeAll(request());
      // Not by its events: there is something to be read all the time.
      assertThat(Poll.await(client, 0, 10_000)).isEqualTo(Poll.HUP);
      assertThat(System.nanoTime() - start).isGreaterThan(PATIENCE_MILLIS * 900_000L);
    }
    assertAnswers();
  }

  @Test
  void whoReadsSlowlyGetsAll() throws Exception {
    try (Fd client = UnixSocket.connect(path)) {
      client.writeAll(request());
      byte[] piece = new byte[64 << 10];
      int all = 0;
      for (int n; all < ANSWER_BYTES && (n = client.read(piece, 0, piece.length)) > 0; all += n) {
        TimeUnit.MILLISECONDS.sleep(100);
      }
      assertThat(all).isGreaterThanOrEqualTo(ANSWER_BYTES);
    }
  }

  @Test
  void whoAsksNothingMayStay() throws Exception {
    try (Fd silent = UnixSocket.connect(path)) {
      assertThat(Poll.await(silent, Poll.IN, 2 * PATIENCE_MILLIS)).isZero();
      assertAnswers();
    }
  }

  @Test
  void wantOfDescriptorsPasses() throws Exception {
    int resource = ResourceLimits.number("RLIMIT_NOFILE");
    ResourceLimits.Limit limit = ResourceLimits.get(resource);
    List<Fd> taken = new ArrayList<>();
    try (Fd client = UnixSocket.connect(path)) {
      // Accepted by now: what follows meets the limit in accept itself. And classes are files.
      assertAnswers();
      assertThat(Poll.await(client, 0, 1)).isZero();
      try {
        ResourceLimits.set(resource, new ResourceLimits.Limit(1024, limit.hard()));
        takeAll(taken);
        // What the server is just closing.
        TimeUnit.MILLISECONDS.sleep(200);
        takeAll(taken);
        taken.removeLast().close();
        // This one gets the number that the kernel has put aside for an accept that waits. From
        // then on there is none.
        try (Fd last = UnixSocket.connect(path)) {
          assertThat(Poll.await(last, Poll.IN, 300)).isZero();
          assertThat(acceptor.isAlive()).isTrue();
        }
      } finally {
        ResourceLimits.set(resource, limit);
        taken.forEach(Fd::close);
      }
    }
    assertAnswers();
  }

  private static void takeAll(List<Fd> taken) {
    try {
      while (true) {
        taken.add(Fs.open("/dev/null", OpenFlag.READ_ONLY));
      }
    } catch (LinuxException e) {
      assertThat(e.errno()).isEqualTo(Errno.EMFILE);
    }
  }

  @Test
  void onlyTheListenersEndIsTheEnd() throws Exception {
    for (int errno :
        List.of(Errno.EMFILE, Errno.ENFILE, Errno.ENOMEM, Errno.ECONNABORTED, Errno.EINTR)) {
      assertThat(Acceptor.isForGood(errno)).isFalse();
    }
    UnixSocket.shutdown(listener, 2);
    acceptor.join(5_000);
    assertThat(acceptor.isAlive()).isFalse();
  }
}
