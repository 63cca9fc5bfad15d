package dev.casemate.e2e.cri;

import dev.casemate.linux.NetworkNamespace;
import dev.casemate.testsupport.Wait;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What kubectl exec, attach and port-forward use at the far end: channels in a WebSocket
 * (v4.channel.k8s.io). The first byte of each message names the channel.
 */
final class Streaming implements AutoCloseable {
  static final int STDIN = 0;
  static final int STDOUT = 1;
  static final int STDERR = 2;
  static final int STATUS = 3;
  static final int RESIZE = 4;

  private static final int SECONDS = dev.casemate.e2e.engine.Call.TIMEOUT_SECONDS;

  private final ExecutorService threads;
  private final HttpClient http;
  private final WebSocket socket;
  private final Map<Integer, ByteArrayOutputStream> channels = new TreeMap<>();
  private volatile boolean ended;

  /**
   * @param url as the runtime gave it
   * @param network the namespace in which it listens
   */
  Streaming(String url, String network) {
    threads =
        Executors.newCachedThreadPool(
            work ->
                Thread.ofPlatform()
                    .daemon()
                    .unstarted(
                        () ->
                            NetworkNamespace.run(
                                network,
                                () -> {
                                  work.run();
                                  return "";
                                })));
    http = HttpClient.newBuilder().executor(threads).build();
    socket =
        http.newWebSocketBuilder()
            .subprotocols("v4.channel.k8s.io")
            .buildAsync(URI.create(url.replaceFirst("^http", "ws")), new Reader())
            .orTimeout(SECONDS, TimeUnit.SECONDS)
            .join();
  }

  private final class Reader implements WebSocket.Listener {
    private final ByteArrayOutputStream message = new ByteArrayOutputStream();

    @Override
    public @Nullable CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
      byte[] bytes = new byte[data.remaining()];
      data.get(bytes);
      message.writeBytes(bytes);
      if (last) {
        byte[] whole = message.toByteArray();
        message.reset();
        if (whole.length > 0) {
          synchronized (channels) {
            channels
                .computeIfAbsent((int) whole[0], channel -> new ByteArrayOutputStream())
                .write(whole, 1, whole.length - 1);
          }
        }
      }
      from.request(1);
      return null;
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket from, int status, String reason) {
      ended = true;
      return null;
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
      ended = true;
    }
  }

  void send(int channel, String text) {
    send(channel, text.getBytes(StandardCharsets.UTF_8));
  }

  void send(int channel, byte[] bytes) {
    ByteBuffer message = ByteBuffer.allocate(bytes.length + 1);
    message.put((byte) channel).put(bytes).flip();
    socket.sendBinary(message, true).join();
  }

  boolean hasEnded() {
    return ended;
  }

  byte[] bytes(int channel) {
    synchronized (channels) {
      ByteArrayOutputStream bytes = channels.get(channel);
      return bytes == null ? new byte[0] : bytes.toByteArray();
    }
  }

  String text(int channel) {
    return new String(bytes(channel), StandardCharsets.UTF_8);
  }

  void await(int channel, String text) {
    Wait.until(
        SECONDS,
        () -> "\"" + text + "\" from channel " + channel + ": " + this,
        () -> text(channel).contains(text));
  }

  void awaitEnd() {
    Wait.until(SECONDS, () -> "the end of " + this, () -> ended);
  }

  /** Waits until the far end has closed, and returns the status that it told: JSON. */
  String awaitStatus() {
    Wait.until(SECONDS, () -> "the end of " + this, () -> ended || !text(STATUS).isEmpty());
    return text(STATUS);
  }

  @Override
  public String toString() {
    StringBuilder all = new StringBuilder();
    for (int channel = 0; channel < 5; channel++) {
      all.append('\n').append(channel).append(": ").append(text(channel));
    }
    return all.toString();
  }

  @Override
  public void close() {
    socket.abort();
    http.shutdownNow();
    threads.shutdownNow();
  }
}
