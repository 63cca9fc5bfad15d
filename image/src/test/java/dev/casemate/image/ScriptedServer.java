package dev.casemate.image;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An HTTP server that answers whatever a test wants, sense or nonsense. */
final class ScriptedServer implements AutoCloseable {
  /** Writes the answer to a request's head. */
  interface Script {
    void answer(String head, OutputStream out) throws IOException;
  }

  private final ServerSocket server;
  private final Script script;
  private final List<String> requests = new CopyOnWriteArrayList<>();

  ScriptedServer(Script script) throws IOException {
    this("127.0.0.1", script);
  }

  ScriptedServer(String address, Script script) throws IOException {
    this.server = new ServerSocket(0, 50, InetAddress.getByName(address));
    this.script = script;
    Thread.ofPlatform().daemon().start(this::accept);
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
      int first = client.getInputStream().read();
      if (first == 22) {
        // TLS: a server that does not speak it says so in plain text.
        client.getOutputStream().write("HTTP/1.0 400 Bad Request\r\n\r\n".getBytes());
        return;
      }
      String head = (char) first + FaultyProxy.head(client.getInputStream());
      requests.add(head);
      script.answer(head, client.getOutputStream());
      client.getOutputStream().flush();
    } catch (IOException e) {
      return;
    }
  }

  static void send(OutputStream out, String head, byte[] body) throws IOException {
    out.write(("HTTP/1.1 " + head + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
    out.write(
        ("Content-Length: " + body.length + "\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
    out.write(body);
  }

  List<String> requests() {
    return requests;
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
