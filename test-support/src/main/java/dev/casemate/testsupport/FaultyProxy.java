package dev.casemate.testsupport;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PushbackInputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands before a registry and spoils its answers: cuts them off, changes bytes, slows them down,
 * or closes for good. It is also an HTTP proxy (CONNECT) that leads every host to the same
 * registry.
 */
public final class FaultyProxy implements AutoCloseable {
  /** What happens to the answer to a request for a blob. */
  public interface Fault {
    Effect of(int nthBlobRequest);
  }

  /**
   * An effect.
   *
   * @param cutAfter bytes of the answer, head included; −1 for never
   * @param flipAt which byte is changed; −1 for none
   * @param delayMillis before each 16 KiB
   */
  public record Effect(long cutAfter, long flipAt, int delayMillis, boolean closeServer) {
    public static final Effect NONE = new Effect(-1, -1, 0, false);
  }

  private final LocalServer server;
  private final int target;
  private final Fault fault;
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final AtomicInteger blobs = new AtomicInteger();

  public FaultyProxy(int target, Fault fault) throws IOException {
    this.target = target;
    this.fault = fault;
    this.server = new LocalServer("127.0.0.1", this::serve).start();
  }

  public int port() {
    return server.port();
  }

  public String host() {
    return server.host();
  }

  /** The heads of all requests so far. */
  public List<String> requests() {
    return requests;
  }

  public List<String> blobRequests() {
    return requests.stream().filter(r -> r.contains("/blobs/")).toList();
  }

  static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int c = in.read();
      if (c < 0) {
        throw new IOException("end");
      }
      head.write(c);
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  private void serve(Socket client) throws IOException {
    try (Socket registry = new Socket(InetAddress.getByName("127.0.0.1"), target)) {
      PushbackInputStream in = new PushbackInputStream(client.getInputStream());
      int first = in.read();
      in.unread(first);
      // A TLS record starts with 22; then nothing can be understood on the way.
      String head = first == ScriptedServer.TLS_HANDSHAKE ? "" : head(in);
      Effect effect = Effect.NONE;
      if (first != ScriptedServer.TLS_HANDSHAKE) {
        requests.add(head);
      }
      if (head.startsWith("CONNECT ")) {
        client.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      } else {
        registry.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
        effect = head.contains("/blobs/") ? fault.of(blobs.incrementAndGet()) : effect;
      }
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try {
                  in.transferTo(registry.getOutputStream());
                } catch (IOException e) {
                  return;
                }
              });
      pump(registry.getInputStream(), client.getOutputStream(), effect);
      if (effect.closeServer()) {
        server.close();
      }
    }
  }

  private static void pump(InputStream in, OutputStream out, Effect effect) throws IOException {
    byte[] chunk = new byte[16 * 1024];
    long done = 0;
    while (true) {
      int n = in.read(chunk);
      if (n < 0) {
        return;
      }
      if (effect.flipAt() >= done && effect.flipAt() < done + n) {
        chunk[(int) (effect.flipAt() - done)] ^= 1;
      }
      int send = effect.cutAfter() < 0 ? n : (int) Math.min(n, effect.cutAfter() - done);
      out.write(chunk, 0, send);
      out.flush();
      if (send < n) {
        return;
      }
      done += n;
      if (effect.delayMillis() > 0) {
        Wait.millis(effect.delayMillis());
      }
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
