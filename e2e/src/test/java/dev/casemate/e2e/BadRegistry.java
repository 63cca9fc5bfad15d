package dev.casemate.e2e;

import dev.casemate.base.Json;
import dev.casemate.testsupport.ScriptedServer;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
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

  private static final int LAYER_BYTES = 100_000;

  private final Path layout;
  private final Fault fault;
  private final String manifest;
  private final ScriptedServer server;
  private volatile boolean layerBegun;

  BadRegistry(Path layout, Fault fault) {
    this.layout = layout;
    this.fault = fault;
    try {
      Json.Obj index = Json.parseObject(Files.readString(layout.resolve("index.json")));
      manifest = index.objects("manifests").getFirst().string("digest");
      server = new ScriptedServer(this::answer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String name() {
    return server.host() + "/demo";
  }

  String digest() {
    return manifest;
  }

  boolean layerBegun() {
    return layerBegun;
  }

  private void answer(String head, OutputStream out) throws IOException {
    String path = head.split(" ", 3)[1];
    if (path.equals("/v2/")) {
      send(out, "application/json", "{}".getBytes(StandardCharsets.UTF_8));
    } else if (path.startsWith("/v2/demo/manifests/")) {
      byte[] body = blob(manifest);
      if (fault == Fault.WRONG_MANIFEST) {
        body = (new String(body, StandardCharsets.UTF_8) + " ").getBytes(StandardCharsets.UTF_8);
      }
      send(out, "application/vnd.oci.image.manifest.v1+json", body);
    } else if (path.startsWith("/v2/demo/blobs/")) {
      sendBlob(out, blob(path.substring("/v2/demo/blobs/".length())));
    } else {
      ScriptedServer.send(out, "404 Not Found", new byte[0]);
    }
  }

  private static void send(OutputStream out, String type, byte[] body) throws IOException {
    ScriptedServer.send(out, "200 OK\r\nContent-Type: " + type, body);
  }

  private void sendBlob(OutputStream out, byte[] body) throws IOException {
    boolean layer = body.length > LAYER_BYTES;
    if (layer && fault == Fault.WRONG_BYTE) {
      body[body.length / 2] ^= 1;
    }
    if (!layer || fault == Fault.WRONG_BYTE || fault == Fault.WRONG_MANIFEST) {
      send(out, "application/octet-stream", body);
      return;
    }
    ScriptedServer.sendHead(out, "200 OK", body.length);
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
