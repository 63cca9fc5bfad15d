package dev.casemate.testsupport;

import dev.casemate.linux.FileContent;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A real registry (package docker-registry) on a free port of this machine. */
public final class TestRegistry implements AutoCloseable {
  private final Process process;
  private final int port;

  private TestRegistry(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  public static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Starts a registry.
   *
   * @param storage may be shared with another one
   * @param http more lines of the http section, each indented by two blanks
   * @param auth the auth section, or nothing
   */
  public static TestRegistry start(String storage, String http, String auth) {
    int port = freePort();
    String config = storage + "-" + port + ".yml";
    FileContent.write(
        config,
        ("version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n"
                + "  filesystem:\n    rootdirectory: "
                + storage
                + "\nhttp:\n  addr: 127.0.0.1:"
                + port
                + "\n"
                + http
                + auth)
            .getBytes(StandardCharsets.UTF_8),
        0644);
    try {
      Process process =
          new ProcessBuilder("docker-registry", "serve", config)
              .redirectErrorStream(true)
              .redirectOutput(new java.io.File(config + ".log"))
              .start();
      TestRegistry registry = new TestRegistry(process, port);
      registry.await();
      return registry;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void await() {
    try {
      Wait.until(20, "docker-registry at port " + port, () -> listens(port));
    } catch (AssertionError e) {
      close();
      throw e;
    }
  }

  /** Whether something answers at a port of this machine. */
  public static boolean listens(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  public int port() {
    return port;
  }

  public String host() {
    return "127.0.0.1:" + port;
  }

  public void push(String layout, String name) {
    Shell.run(
        "skopeo copy -q --all --dest-tls-verify=false oci:"
            + layout
            + " docker://"
            + host()
            + "/"
            + name);
  }

  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
