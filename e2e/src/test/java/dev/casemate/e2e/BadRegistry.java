package dev.casemate.e2e;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

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

  private final HttpServer server;
  private final Path layout;
  private final Fault fault;
  private final String manifest;
  private volatile boolean layerBegun;

  BadRegistry(Path layout, Fault fault) {
    this.layout = layout;
    this.fault = fault;
    try {
      String index = Files.readString(layout.resolve("index.json"));
      manifest = index.replaceAll("(?s).*\"digest\" ?: ?\"sha256:([0-9a-f]{64})\".*", "$1");
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory()));
    server.createContext("/v2/", this::answer);
    server.start();
  }

  String name() {
    return "127.0.0.1:" + server.getAddress().getPort() + "/demo";
  }

  String digest() {
    return "sha256:" + manifest;
  }

  boolean layerBegun() {
    return layerBegun;
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (path.equals("/v2/")) {
        exchange.sendResponseHeaders(200, -1);
      } else if (path.startsWith("/v2/demo/manifests/")) {
        byte[] body = Files.readAllBytes(blob(manifest));
        if (fault == Fault.WRONG_MANIFEST) {
          body =
              (new String(body, java.nio.charset.StandardCharsets.UTF_8) + " ")
                  .getBytes(java.nio.charset.StandardCharsets.UTF_8);
        }
        exchange
            .getResponseHeaders()
            .set("Content-Type", "application/vnd.oci.image.manifest.v1+json");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
      } else if (path.startsWith("/v2/demo/blobs/sha256:")) {
        blobAnswer(exchange, Files.readAllBytes(blob(path.substring(path.length() - 64))));
      } else {
        exchange.sendResponseHeaders(404, -1);
      }
    }
  }

  private void blobAnswer(HttpExchange exchange, byte[] body) throws IOException {
    boolean layer = body.length > 100_000;
    if (layer && fault == Fault.WRONG_BYTE) {
      body[body.length / 2] ^= 1;
    }
    exchange.sendResponseHeaders(200, body.length);
    OutputStream out = exchange.getResponseBody();
    if (!layer || fault == Fault.WRONG_BYTE || fault == Fault.WRONG_MANIFEST) {
      out.write(body);
      return;
    }
    out.write(body, 0, body.length / 2);
    out.flush();
    layerBegun = true;
    if (fault == Fault.GONE) {
      server.stop(0);
    } else {
      Wait.millis(600_000);
    }
  }

  private Path blob(String hex) {
    return layout.resolve("blobs/sha256/" + hex);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
