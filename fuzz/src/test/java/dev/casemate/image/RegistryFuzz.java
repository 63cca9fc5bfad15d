package dev.casemate.image;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.ImageReference;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;

/**
 * The whole of a pull's talk, with a registry whose answers are the fuzzer's: challenges, tokens,
 * redirects, manifests, blobs. All connections go to a proxy here, wherever the answers lead.
 */
@Fuzzes({RegistrySource.class, RegistryConnection.class, Http.class, BlobSink.class})
public final class RegistryFuzz {
  private static final Server SERVER = new Server();
  private static final TempFile BLOB = new TempFile("blob");
  private static final byte[] NOTHING = {};
  private static final String TUNNEL = "HTTP/1.1 200 Fine\r\n\r\n";

  private RegistryFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int mode = input.next();
    SERVER.answers(input);
    Optional<RegistryOptions.Credentials> credentials =
        (mode & 1) == 0
            ? Optional.empty()
            : Optional.of(new RegistryOptions.Credentials("user", "password"));
    RegistryOptions options =
        new RegistryOptions(true, Optional.empty(), credentials, 1, 0, 2000, 1 << 20);
    ImageReference reference = ImageReference.parse("registry.example/image:tag");
    Expect.parsed(
        () -> {
          try (RegistrySource source =
              new RegistrySource(reference, options, SERVER.environment(), PullProgress.NONE)) {
            if ((mode & 2) == 0) {
              return source.top().content().length;
            }
            return fetch(source);
          }
        });
  }

  private static int fetch(RegistrySource source) {
    Descriptor blob = Descriptor.of("", Digests.of("blob"), 4);
    try (Fd file = Fs.open(BLOB.with(NOTHING), OpenFlag.READ_WRITE)) {
      BlobSink sink = new BlobSink(file, BLOB.directory(), blob, PullProgress.NONE, () -> false);
      source.fetch(blob, sink);
      Expect.that(sink.position() <= 4, "more than announced");
      sink.verify("registry");
      return (int) sink.position();
    }
  }

  /** A proxy and all servers behind it: to each connection it says the next answer. */
  private static final class Server {
    private final ServerSocket listener;
    private final Queue<byte[]> answers = new ArrayDeque<>();

    Server() {
      try {
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      Thread thread = new Thread(this::run, "registry");
      thread.setDaemon(true);
      thread.start();
    }

    Map<String, String> environment() {
      String proxy = "http://127.0.0.1:" + listener.getLocalPort();
      return Map.of("HTTPS_PROXY", proxy, "HTTP_PROXY", proxy, "HOME", "/nonexistent");
    }

    synchronized void answers(Input input) {
      answers.clear();
      while (input.hasMore() && answers.size() < 8) {
        answers.add(input.piece());
      }
    }

    private synchronized byte[] next() {
      byte[] next = answers.poll();
      return next == null ? NOTHING : next;
    }

    private void run() {
      byte[] request = new byte[8192];
      while (true) {
        try (Socket socket = listener.accept()) {
          InputStream in = socket.getInputStream();
          int n = in.read(request);
          String text = Input.text(java.util.Arrays.copyOf(request, Math.max(n, 0)));
          if (text.startsWith("CONNECT ")) {
            // No TLS here: the client must then try, or give up.
            socket.getOutputStream().write(TUNNEL.getBytes(StandardCharsets.US_ASCII));
          }
          socket.getOutputStream().write(next());
        } catch (IOException e) {
          // The client has hung up.
          continue;
        }
      }
    }
  }
}
