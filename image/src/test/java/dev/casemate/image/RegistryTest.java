package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.oci.Platform;
import dev.casemate.testsupport.FaultyProxy;
import dev.casemate.testsupport.FaultyProxy.Effect;
import dev.casemate.testsupport.ScriptedServer;
import dev.casemate.testsupport.TestRegistry;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is pulled, from registries and connections that fail, too. */
final class RegistryTest extends RegistryCases {
  @Test
  void pullsByTagAndDigest() {
    AtomicLong bytes = new AtomicLong();
    AtomicInteger complete = new AtomicInteger();
    PullProgress progress =
        new PullProgress() {
          @Override
          public void image(String name, int layers, long size) {
            bytes.set(size);
          }

          @Override
          public void complete(String digest) {
            complete.incrementAndGet();
          }
        };
    String root = newRoot();
    ImageStore store = store(root, QUICK);
    String name = registry.host() + "/team/demo:v1";
    Image image = store.resolve(name, PullPolicy.MISSING, progress);
    assertThat(bytes.get()).isGreaterThan(1_000_000);
    assertThat(complete.get()).isEqualTo(4);
    assertThat(Fs.list(image.directory(PullProgress.NONE)))
        .containsExactlyInAnyOrder("one", "two", "three");
    assertThat(image.config().env()).containsExactly("A=b");
    Image byDigest = pull(store, registry.host() + "/team/demo@" + image.digest().orElseThrow());
    assertThat(byDigest.erofs()).isEqualTo(image.erofs());
    // What is there needs no registry, unless it is asked for.
    ImageStore offline = store(root, QUICK.withRetries(1, 1, 1));
    assertThat(pull(offline, name).erofs()).isEqualTo(image.erofs());
    assertThat(store.resolve(name, PullPolicy.ALWAYS, PullProgress.NONE).erofs())
        .isEqualTo(image.erofs());
    assertThat(store.list()).hasSize(2);
    assertThat(store.remove(name)).containsExactly(name);
    assertThat(Fs.list(root + "/erofs")).hasSize(1);
  }

  @Test
  void choosesThePlatformOfAnIndex() {
    Image image = pull(registry.host() + "/multi:both");
    assertThat(Fs.list(image.directory(PullProgress.NONE))).containsExactly("amd");
    failure(
        () -> pull(registry.host() + "/multi:one"),
        Kind.NOT_FOUND,
        "not available for linux/amd64",
        "it exists for linux/arm64");
  }

  @Test
  void saysWhatIsUnknown() {
    failure(() -> pull(registry.host() + "/team/demo:v9"), Kind.NOT_FOUND, "v9", "was not found");
    failure(() -> pull(registry.host() + "/nobody/knows"), Kind.NOT_FOUND, "nobody/knows:latest");
    failure(() -> pull("127.0.0.1:" + TestRegistry.freePort() + "/x"), Kind.UNAVAILABLE, "refused");
    failure(() -> pull("no-such-host.invalid/x"), Kind.UNAVAILABLE, "no-such-host.invalid");
  }

  @Test
  void resumesWhereTheConnectionBroke() throws IOException {
    try (FaultyProxy proxy =
        new FaultyProxy(
            registry.port(), n -> n <= 6 ? new Effect(200_000, -1, 0, false) : Effect.NONE)) {
      Image image = pull(proxy.host() + "/team/demo:v1");
      assertThat(FileContent.readBytes(image.directory(PullProgress.NONE) + "/one", 1 << 20))
          .isEqualTo(TestImage.random(1, 600_000));
      assertThat(proxy.blobRequests().stream().filter(r -> r.contains("Range: bytes=")))
          .hasSizeGreaterThanOrEqualTo(4);
    }
  }

  @Test
  void refusesBytesThatChangedOnTheWay() throws IOException {
    try (FaultyProxy proxy =
        new FaultyProxy(registry.port(), n -> new Effect(-1, n == 1 ? 50_000 : 700, 0, false))) {
      String root = newRoot();
      failure(
          () -> pull(store(root, QUICK), proxy.host() + "/team/demo:v1"),
          Kind.CORRUPT,
          "has digest sha256:",
          "expected sha256:");
      assertNothingLeft(root);
    }
  }

  @Test
  void givesUpWhenTheRegistryGoesDown() throws IOException {
    try (FaultyProxy proxy =
        new FaultyProxy(registry.port(), n -> new Effect(100_000, -1, 0, true))) {
      String root = newRoot();
      failure(
          () -> pull(store(root, QUICK), proxy.host() + "/team/demo:v1"),
          Kind.UNAVAILABLE,
          "registry " + proxy.host() + " cannot be used");
      assertNothingLeft(root);
    }
  }

  private static void raw(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.US_ASCII));
  }

  /** What the error says, and the answers that it is about. */
  static Stream<Arguments> rubbish() {
    return Stream.of(
        bad(
            "too many headers",
            (head, out) -> {
              raw(out, "HTTP/1.1 200 OK\r\n");
              while (true) {
                raw(out, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
              }
            }),
        bad(
            "longer than 4194304 bytes",
            (head, out) -> ScriptedServer.send(out, "200 OK", new byte[(4 << 20) + 1])),
        bad(
            "longer than 4194304",
            (head, out) -> {
              raw(out, "HTTP/1.1 200 OK\r\n\r\n");
              while (true) {
                out.write(new byte[65536]);
              }
            }),
        bad("does not speak HTTP", (head, out) -> raw(out, "SSH-2.0-OpenSSH\r\n\r\n")),
        bad("without a response", (head, out) -> {}),
        bad(
            "connection was interrupted",
            (head, out) -> raw(out, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")),
        bad(
            "is damaged",
            (head, out) ->
                ScriptedServer.send(out, "200 OK", "{\"a\"".getBytes(StandardCharsets.US_ASCII))),
        bad(
            "unsupported media type",
            (head, out) ->
                ScriptedServer.send(
                    out,
                    "200 OK\r\nContent-Type: text/html",
                    "{}".getBytes(StandardCharsets.US_ASCII))),
        bad("no response within 300 ms", (head, out) -> Wait.millis(2000)),
        bad(
            "redirects more than 5 times",
            (head, out) -> ScriptedServer.send(out, "302 Go\r\nLocation: /again", new byte[0])),
        bad("status 503", (head, out) -> ScriptedServer.send(out, "503 Busy", new byte[0])));
  }

  private static Arguments bad(String error, ScriptedServer.Script script) {
    return Arguments.of(error, script);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rubbish")
  void refusesRubbish(String error, ScriptedServer.Script script) throws IOException {
    try (ScriptedServer server = new ScriptedServer(script)) {
      String root = newRoot();
      RegistryOptions options = QUICK.withRetries(2, 5, 300);
      assertThatThrownBy(() -> pull(store(root, options), server.host() + "/x"))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining(error)
          .hasMessageNotContaining("\n");
      assertNothingLeft(root);
    }
  }

  @Test
  void waitsForABusyRegistry() throws IOException {
    TestImage image = new TestImage(temp + "/busy").layer(TestImage.tar("f x")).tag("x");
    byte[] manifest =
        FileContent.readBytes(image.path(image.manifest(Platform.LINUX_AMD64)), 1 << 20);
    AtomicInteger count = new AtomicInteger();
    try (ScriptedServer server =
        new ScriptedServer(
            (head, out) -> {
              if (count.incrementAndGet() % 2 == 1) {
                ScriptedServer.send(out, "429 Slow\r\nRetry-After: 0", new byte[0]);
              } else if (head.contains("/manifests/")) {
                // In chunks, and without a media type.
                out.write(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        .getBytes(StandardCharsets.US_ASCII));
                for (int at = 0; at < manifest.length; at += 100) {
                  int n = Math.min(100, manifest.length - at);
                  out.write(
                      (Integer.toHexString(n) + ";x=y\r\n").getBytes(StandardCharsets.US_ASCII));
                  out.write(manifest, at, n);
                  out.write("\r\n".getBytes(StandardCharsets.US_ASCII));
                }
                out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
              } else {
                String hex = head.substring(head.indexOf("sha256:") + 7).split(" ")[0];
                ScriptedServer.send(
                    out,
                    "200 OK",
                    FileContent.readBytes(temp + "/busy/blobs/sha256/" + hex, 1 << 20));
              }
            })) {
      assertThat(pull(server.host() + "/x").erofs()).isPresent();
    }
  }

  @Test
  void fetchesOnceForTwoProcesses() throws IOException, InterruptedException {
    try (FaultyProxy proxy = new FaultyProxy(registry.port(), n -> new Effect(-1, -1, 10, false))) {
      String root = newRoot();
      List<Process> processes = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        processes.add(StoreProcess.start(root, proxy.host() + "/team/demo:v1"));
      }
      for (Process process : processes) {
        assertThat(StoreProcess.output(process)).contains(".erofs");
      }
      assertThat(proxy.blobRequests()).hasSize(4);
      assertThat(Fs.list(root + "/temp")).isEmpty();
    }
  }

  @Test
  void survivesKillInMidPull() throws IOException, InterruptedException {
    String root = newRoot();
    try (FaultyProxy proxy =
        new FaultyProxy(registry.port(), n -> new Effect(-1, -1, 200, false))) {
      Process process = StoreProcess.start(root, proxy.host() + "/team/demo:v1");
      Wait.until(
          20,
          "two parts of a pull",
          () -> Fs.exists(root + "/temp") && Fs.list(root + "/temp").size() >= 2);
      process.destroyForcibly();
      process.waitFor();
      assertThat(Fs.list(root + "/temp")).isNotEmpty();
    }
    assertThat(pull(store(root, QUICK), registry.host() + "/team/demo:v1").erofs()).isPresent();
    assertThat(Fs.list(root + "/temp")).isEmpty();
  }
}
