package dev.casemate.e2e;

import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A real registry (package docker-registry) on a free port of the loopback interface. */
final class Registry implements AutoCloseable {
  private final Running process;
  private final int port;

  Registry(Path directory) {
    port = freePort();
    Path config = directory.resolve("registry.yml");
    try {
      Files.writeString(
          config,
          """
          version: 0.1
          log:
            level: error
          storage:
            filesystem:
              rootdirectory: %s
          http:
            addr: 127.0.0.1:%d
          """
              .formatted(directory.resolve("storage"), port));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    process = Shell.start(List.of("docker-registry", "serve", config.toString()));
    Wait.until(Casemate.TIMEOUT_SECONDS, "docker-registry to listen", () -> listens(port));
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static boolean listens(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** A reference that {@code casemate run} takes. */
  String name(String repositoryAndTag) {
    return "127.0.0.1:" + port + "/" + repositoryAndTag;
  }

  void push(Path layout, String repositoryAndTag) {
    Shell.run(
        "skopeo copy -q --insecure-policy --dest-tls-verify=false oci:"
            + layout
            + ":latest docker://"
            + name(repositoryAndTag));
  }

  @Override
  public void close() {
    Processes.killIfExists(process.pid(), Signals.KILL);
    process.await(Casemate.TIMEOUT_SECONDS);
  }
}
