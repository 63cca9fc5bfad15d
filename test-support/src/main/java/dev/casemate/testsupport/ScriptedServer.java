package dev.casemate.testsupport;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An HTTP server that answers whatever a test wants, sense or nonsense. */
public final class ScriptedServer implements AutoCloseable {
  /** Writes the answer to a request's head. */
  public interface Script {
    void answer(String head, OutputStream out) throws IOException;
  }

  /** The first byte of TLS. */
  static final int TLS_HANDSHAKE = 22;

  private final LocalServer server;
  private final Script script;
  private final List<String> requests = new CopyOnWriteArrayList<>();

  public ScriptedServer(Script script) throws IOException {
    this("127.0.0.1", script);
  }

  public ScriptedServer(String address, Script script) throws IOException {
    this.script = script;
    this.server = new LocalServer(address, this::serve).start();
  }

  private void serve(Socket client) throws IOException {
    int first = client.getInputStream().read();
    if (first == TLS_HANDSHAKE) {
      // A server that does not speak TLS says so in plain text.
      client
          .getOutputStream()
          .write("HTTP/1.0 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      return;
    }
    String head = (char) first + FaultyProxy.head(client.getInputStream());
    requests.add(head);
    script.answer(head, client.getOutputStream());
    client.getOutputStream().flush();
  }

  /**
   * Writes an answer.
   *
   * @param head its status and more lines, separated by {@code \r\n}; its length is added
   */
  public static void send(OutputStream out, String head, byte[] body) throws IOException {
    sendHead(out, head, body.length);
    out.write(body);
  }

  /** The first part of an answer whose body the caller writes, or not. */
  public static void sendHead(OutputStream out, String head, long bodyBytes) throws IOException {
    out.write(
        ("HTTP/1.1 " + head + "\r\nContent-Length: " + bodyBytes + "\r\n\r\n")
            .getBytes(StandardCharsets.ISO_8859_1));
  }

  /** The heads of all requests so far. */
  public List<String> requests() {
    return requests;
  }

  public int port() {
    return server.port();
  }

  public String host() {
    return server.host();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
