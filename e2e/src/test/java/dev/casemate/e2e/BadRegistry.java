package dev.casemate.e2e;

import dev.casemate.base.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A registry that serves the blobs of an OCI layout, and fails at the layer as it is told to. */
final class BadRegistry implements AutoCloseable {
  /** What goes wrong. */
  enum Fault {
    /** A byte of the layer is another one. */
    WRONG_BYTE,
    /** The manifest is another one than its digest says. */
    WRONG_MANIFEST,
    /** In the middle of the layer the server goes away for good. */
    GONE,
    /** In the middle of the layer nothing comes any more. */
    SILENT
  }

  private static final int TLS_HANDSHAKE = 22;
  private static final int LAYER_BYTES = 100_000;

  private final ServerSocket server;
  private final Path layout;
  private final Fault fault;
  private final String manifest;
  private volatile boolean layerBegun;

  BadRegistry(Path layout, Fault fault) {
    this.layout = layout;
    this.fault = fault;
    try {
      Json.Obj index = Json.parseObject(Files.readString(layout.resolve("index.json")));
      manifest = index.objects("manifests").getFirst().string("digest");
      server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().start(this::accept);
  }

  String name() {
    return "127.0.0.1:" + server.getLocalPort() + "/demo";
  }

  String digest() {
    return manifest;
  }

  boolean layerBegun() {
    return layerBegun;
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
      String path = path(client.getInputStream());
      answer(path, client.getOutputStream());
      client.getOutputStream().flush();
    } catch (IOException e) {
      // The client went away first.
    }
  }

  /**
   * What a request asks for; empty for the beginning of TLS, which gets a refusal in plain text.
   */
  private static String path(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    String text = "";
    while (!text.endsWith("\r\n\r\n")) {
      int next = in.read();
      if (next < 0 || (head.size() == 0 && next == TLS_HANDSHAKE)) {
        return "";
      }
      head.write(next);
      text = head.toString(StandardCharsets.ISO_8859_1);
    }
    return text.split(" ", 3)[1];
  }

  private void answer(String path, OutputStream out) throws IOException {
    if (path.equals("/v2/")) {
      send(out, "200 OK", "application/json", "{}".getBytes(StandardCharsets.UTF_8));
    } else if (path.startsWith("/v2/demo/manifests/")) {
      byte[] body = blob(manifest);
      if (fault == Fault.WRONG_MANIFEST) {
        body = (new String(body, StandardCharsets.UTF_8) + " ").getBytes(StandardCharsets.UTF_8);
      }
      send(out, "200 OK", "application/vnd.oci.image.manifest.v1+json", body);
    } else if (path.startsWith("/v2/demo/blobs/")) {
      sendBlob(out, blob(path.substring("/v2/demo/blobs/".length())));
    } else {
      send(out, path.isEmpty() ? "400 Bad Request" : "404 Not Found", "text/plain", new byte[0]);
    }
  }

  private static void send(OutputStream out, String status, String type, byte[] body)
      throws IOException {
    head(out, status, type, body.length);
    out.write(body);
  }

  private static void head(OutputStream out, String status, String type, int length)
      throws IOException {
    out.write(
        ("HTTP/1.1 "
                + status
                + "\r\nContent-Type: "
                + type
                + "\r\nConnection: close\r\nContent-Length: "
                + length
                + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
  }

  private void sendBlob(OutputStream out, byte[] body) throws IOException {
    boolean layer = body.length > LAYER_BYTES;
    if (layer && fault == Fault.WRONG_BYTE) {
      body[body.length / 2] ^= 1;
    }
    if (!layer || fault == Fault.WRONG_BYTE || fault == Fault.WRONG_MANIFEST) {
      send(out, "200 OK", "application/octet-stream", body);
      return;
    }
    head(out, "200 OK", "application/octet-stream", body.length);
    out.write(body, 0, body.length / 2);
    out.flush();
    layerBegun = true;
    if (fault == Fault.GONE) {
      server.close();
    } else {
      Wait.millis(600_000);
    }
  }

  private byte[] blob(String digest) throws IOException {
    return Files.readAllBytes(layout.resolve("blobs/sha256/" + digest.substring(7)));
  }

  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
