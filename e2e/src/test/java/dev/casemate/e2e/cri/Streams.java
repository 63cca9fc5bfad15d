package dev.casemate.e2e.cri;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.e2e.engine.Call;
import dev.casemate.e2e.engine.Containerd;
import dev.casemate.testsupport.Wait;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import kubernetes.cri.v1.Cri;

/** What goes through kubectl exec, attach and port-forward. */
record Streams(CriClient client, Containerd engine) {
  private static final int PIECE = 32 * 1024;

  private Streaming streaming(String url) {
    return new Streaming(url, engine.networkNamespace());
  }

  void exec(String container) {
    Cri.ExecRequest request =
        Cri.ExecRequest.newBuilder()
            .setContainerId(container)
            .addAllCmd(List.of("sh", "-c", "read word; echo out-$word; echo err >&2; exit 3"))
            .setStdin(true)
            .setStdout(true)
            .setStderr(true)
            .build();
    try (Streaming stream = streaming(client.runtime().exec(request).getUrl())) {
      stream.send(Streaming.STDIN, "typed\n");
      assertThat(stream.awaitStatus()).contains("NonZeroExitCode").contains("\"3\"");
      assertThat(stream.text(Streaming.STDOUT)).isEqualTo("out-typed\n");
      assertThat(stream.text(Streaming.STDERR)).isEqualTo("err\n");
    }
  }

  void execInTerminal(String container) {
    Cri.ExecRequest request =
        Cri.ExecRequest.newBuilder()
            .setContainerId(container)
            .addAllCmd(List.of("sh"))
            .setStdin(true)
            .setStdout(true)
            .setTty(true)
            .build();
    try (Streaming stream = streaming(client.runtime().exec(request).getUrl())) {
      stream.send(Streaming.RESIZE, "{\"Width\":91,\"Height\":31}");
      stream.send(Streaming.STDIN, "tty; until stty size | grep '31 91'; do sleep 0.1; done\n");
      stream.await(Streaming.STDOUT, "31 91\r\n");
      stream.send(Streaming.STDIN, "exit 0\n");
      assertThat(stream.awaitStatus()).contains("Success");
      assertThat(stream.text(Streaming.STDOUT)).contains("/dev/");
    }
  }

  /** To a container that answers each line with "got-" before it. */
  void attach(String container) {
    Cri.AttachRequest request =
        Cri.AttachRequest.newBuilder()
            .setContainerId(container)
            .setStdin(true)
            .setStdout(true)
            .setStderr(true)
            .build();
    try (Streaming stream = streaming(client.runtime().attach(request).getUrl())) {
      stream.send(Streaming.STDIN, "attached\n");
      stream.await(Streaming.STDOUT, "got-attached\n");
    }
  }

  private Streaming attached(String container) {
    Cri.AttachRequest request =
        Cri.AttachRequest.newBuilder()
            .setContainerId(container)
            .setStdin(true)
            .setStdout(true)
            .setTty(true)
            .build();
    return streaming(client.runtime().attach(request).getUrl());
  }

  /** To a shell, whose terminal takes the client's size, and follows it. */
  void attachToTerminal(String container, int rows, int columns) {
    try (Streaming stream = attached(container)) {
      stream.send(Streaming.RESIZE, "{\"Width\":" + columns + ",\"Height\":" + rows + "}");
      String size = rows + " " + columns;
      stream.send(
          Streaming.STDIN, "tty; until stty size | grep '" + size + "'; do sleep 0.1; done\n");
      stream.await(Streaming.STDOUT, size + "\r\n");
      assertThat(stream.text(Streaming.STDOUT)).contains("/dev/");
      size = rows + 1 + " " + (columns + 1);
      stream.send(
          Streaming.RESIZE, "{\"Width\":" + (columns + 1) + ",\"Height\":" + (rows + 1) + "}");
      stream.send(Streaming.STDIN, "until stty size | grep '" + size + "'; do sleep 0.1; done\n");
      stream.await(Streaming.STDOUT, size + "\r\n");
    }
  }

  void typeInTerminal(String container, String text) {
    try (Streaming stream = attached(container)) {
      stream.send(Streaming.STDIN, text);
      stream.awaitEnd();
    }
  }

  private Streaming exec(String container, boolean input, String script) {
    Cri.ExecRequest request =
        Cri.ExecRequest.newBuilder()
            .setContainerId(container)
            .addAllCmd(List.of("sh", "-c", script))
            .setStdin(input)
            .setStdout(true)
            .setStderr(true)
            .build();
    return streaming(client.runtime().exec(request).getUrl());
  }

  /** Gives bytes to a command that knows by itself where they end. */
  void upload(String container, byte[] bytes, String script) {
    try (Streaming stream = exec(container, true, script)) {
      for (int at = 0; at < bytes.length; at += PIECE) {
        stream.send(
            Streaming.STDIN, Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + PIECE)));
      }
      assertThat(stream.awaitStatus()).as(stream.text(Streaming.STDERR)).contains("Success");
    }
  }

  /** All that a command writes. */
  byte[] download(String container, String script) {
    try (Streaming stream = exec(container, false, script)) {
      assertThat(stream.awaitStatus()).as(stream.text(Streaming.STDERR)).contains("Success");
      return stream.bytes(Streaming.STDOUT);
    }
  }

  private Streaming forwarded(Pod pod, int port) {
    Cri.PortForwardRequest request =
        Cri.PortForwardRequest.newBuilder().setPodSandboxId(pod.id()).addPort(port).build();
    return streaming(client.runtime().portForward(request).getUrl() + "?port=" + port);
  }

  /** All that a file has comes through, however much that is. */
  void download(Pod pod, int port, String file, int size) {
    try (Streaming stream = forwarded(pod, port)) {
      stream.send(0, "GET /" + file + " HTTP/1.0\r\n\r\n");
      Wait.until(
          Call.TIMEOUT_SECONDS,
          () -> size + " bytes of " + file + ", there are " + stream.bytes(0).length,
          () -> stream.bytes(0).length >= size);
      byte[] all = stream.bytes(0);
      for (int i = all.length - size; i < all.length; i++) {
        assertThat(all[i]).isEqualTo((byte) '\n');
      }
    }
  }

  /** Nobody listens: an error, or the end, but no byte. */
  void refused(Pod pod, int port) {
    try (Streaming stream = forwarded(pod, port)) {
      stream.send(0, "GET / HTTP/1.0\r\n\r\n");
      Wait.until(
          Call.TIMEOUT_SECONDS,
          () -> "a refusal: " + stream,
          () -> stream.hasEnded() || stream.bytes(1).length > 2);
      // But the port, with which the channel begins.
      assertThat(stream.bytes(0).length).isLessThanOrEqualTo(2);
    }
  }

  void forward(Pod pod, int port, String page) {
    try (Streaming stream = forwarded(pod, port)) {
      stream.send(0, "GET /index.html HTTP/1.0\r\n\r\n");
      // Channel 1 tells of errors; both begin with the port.
      stream.await(0, page);
      assertThat(new String(stream.bytes(0), 2, 8, StandardCharsets.US_ASCII))
          .startsWith("HTTP/1.");
      assertThat(stream.bytes(1).length).as(stream.text(1)).isEqualTo(2);
    }
  }
}
