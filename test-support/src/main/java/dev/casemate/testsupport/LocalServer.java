package dev.casemate.testsupport;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** Serves each connection to a port of this machine in a thread of its own. */
final class LocalServer implements AutoCloseable {
  /** What a connection is for; it is closed afterwards, also after an exception. */
  interface Service {
    void serve(Socket client) throws IOException;
  }

  private final ServerSocket server;
  private final Service service;

  LocalServer(String address, Service service) throws IOException {
    this.server = new ServerSocket(0, 50, InetAddress.getByName(address));
    this.service = service;
  }

  /** Begins to accept; {@link #close} ends it. */
  LocalServer start() {
    Thread.ofPlatform().daemon().start(this::accept);
    return this;
  }

  private void accept() {
    while (true) {
      try {
        Socket client = server.accept();
        Thread.ofPlatform().daemon().start(() -> serve(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      service.serve(client);
    } catch (IOException e) {
      // The other side went away first.
    }
  }

  int port() {
    return server.getLocalPort();
  }

  String host() {
    return server.getInetAddress().getHostAddress() + ":" + port();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
