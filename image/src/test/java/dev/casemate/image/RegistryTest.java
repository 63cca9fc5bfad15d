package dev.casemate.image;

import static dev.casemate.image.LocalImageTest.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.image.FaultyProxy.Effect;
import dev.casemate.image.RegistryOptions.Credentials;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.Platform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("root")
final class RegistryTest {
  private static final RegistryOptions QUICK = RegistryOptions.defaults().withRetries(4, 20, 5_000);

  @TempDir static Path temp;
  private TestRegistry registry;
  private String storage = "";
  private String certificate = "";
  private final AtomicInteger stores = new AtomicInteger();

  @BeforeAll
  void start() {
    storage = temp + "/registry";
    Fs.makeDirectory(storage, 0755);
    registry = TestRegistry.start(storage, "", "");
    TestImage demo =
        new TestImage(temp + "/demo")
            .layer(TestImage.tarOf("one", TestImage.random(1, 600_000)))
            .layer(TestImage.tarOf("two", TestImage.random(2, 500_000)))
            .layer(TestImage.tar("f three 3"))
            .tag("v1");
    assertThat(demo.layer(0).size()).isGreaterThan(500_000);
    registry.push(temp + "/demo:v1", "team/demo:v1");
    TestImage arm = new TestImage(temp + "/multi").layer(TestImage.tar("f arm"));
    Descriptor armImage = arm.manifest(new Platform("linux", "arm64", ""));
    TestImage amd = new TestImage(temp + "/multi").layer(TestImage.tar("f amd"));
    Map<Platform, Descriptor> both = new LinkedHashMap<>();
    both.put(new Platform("linux", "arm64", ""), armImage);
    Map<Platform, Descriptor> one = new LinkedHashMap<>(both);
    both.put(Platform.LINUX_AMD64, amd.manifest(Platform.LINUX_AMD64));
    amd.tag("both", amd.index(both)).tag("one", amd.index(one));
    registry.push(temp + "/multi:both", "multi:both");
    registry.push(temp + "/multi:one", "multi:one");
    certificate = temp + "/cert.pem";
    Shell.run(
        "cd "
            + temp
            + " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2"
            + " -subj /CN=casemate-test -addext"
            + " subjectAltName=DNS:registry.test,DNS:localhost,IP:127.0.0.1 2>/dev/null");
  }

  @AfterAll
  void stop() {
    registry.close();
  }

  private String newRoot() {
    return temp + "/store" + stores.incrementAndGet();
  }

  private static ImageStore store(String root, RegistryOptions options) {
    return new ImageStore(root, options, Map.of());
  }

  private static Image pull(ImageStore store, String image) {
    return store.resolve(image, PullPolicy.MISSING, PullProgress.NONE);
  }

  private Image pull(String image) {
    return pull(store(newRoot(), QUICK), image);
  }

  private static void assertNothingLeft(String root) {
    assertThat(Fs.list(root + "/temp")).isEmpty();
    assertThat(Fs.list(root + "/erofs")).isEmpty();
  }

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
    failure(() -> pull(registry.host() + "/team/demo:v9"), Kind.NOT_FOUND, "v9", "is not known");
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

  @Test
  void knowsBasicAuthentication() {
    Shell.run("htpasswd -Bbn alice secret > " + temp + "/htpasswd 2>/dev/null");
    try (TestRegistry closed =
        TestRegistry.start(
            storage, "", "auth:\n  htpasswd:\n    realm: r\n    path: " + temp + "/htpasswd\n")) {
      String image = closed.host() + "/team/demo:v1";
      failure(() -> pull(image), Kind.PERMISSION_DENIED, "anonymous users", "docker login");
      failure(
          () ->
              pull(
                  store(newRoot(), QUICK.withCredentials(new Credentials("alice", "wrong"))),
                  image),
          Kind.PERMISSION_DENIED,
          "user \"alice\"");
      assertThat(
              pull(
                      store(newRoot(), QUICK.withCredentials(new Credentials("alice", "secret"))),
                      image)
                  .erofs())
          .isPresent();
      String auth =
          Base64.getEncoder().encodeToString("alice:secret".getBytes(StandardCharsets.UTF_8));
      FileTree.makeDirectories(temp + "/docker", 0755);
      FileContent.write(
          temp + "/docker/config.json",
          ("{\"auths\":{\"" + closed.host() + "\":{\"auth\":\"" + auth + "\"}}}")
              .getBytes(StandardCharsets.UTF_8),
          0600);
      ImageStore configured =
          new ImageStore(newRoot(), QUICK, Map.of("DOCKER_CONFIG", temp + "/docker"));
      assertThat(pull(configured, image).erofs()).isPresent();
    }
  }

  @Test
  void knowsTokenAuthentication() throws IOException, GeneralSecurityException {
    try (TokenServer tokens =
            new TokenServer(temp.resolve("key.pem"), temp.resolve("cert.pem"), "bob", "pass:word");
        TestRegistry closed =
            TestRegistry.start(
                storage,
                "",
                "auth:\n  token:\n    realm: "
                    + tokens.realm()
                    + "\n    service: casemate-registry\n    issuer: casemate-issuer\n"
                    + "    rootcertbundle: "
                    + certificate
                    + "\n")) {
      String image = closed.host() + "/team/demo:v1";
      failure(() -> pull(image), Kind.PERMISSION_DENIED, "wants credentials", "team/demo");
      Image pulled =
          pull(store(newRoot(), QUICK.withCredentials(new Credentials("bob", "pass:word"))), image);
      assertThat(pulled.erofs()).isPresent();
      // One token does for the manifest and all layers.
      assertThat(tokens.requests()).hasSize(2);
      assertThat(tokens.requests().getLast())
          .contains("scope=repository%3Ateam%2Fdemo%3Apull")
          .contains("service=casemate-registry");
    }
  }

  private TestRegistry tlsRegistry() {
    return TestRegistry.start(
        storage,
        "  tls:\n    certificate: " + certificate + "\n    key: " + temp + "/key.pem\n",
        "");
  }

  @Test
  void verifiesCertificates() {
    try (TestRegistry tls = tlsRegistry()) {
      String image = tls.host() + "/team/demo:v1";
      failure(() -> pull(image), Kind.PERMISSION_DENIED, "is not trusted", "--ca-file");
      assertThat(pull(store(newRoot(), QUICK.withCaFile(certificate)), image).erofs()).isPresent();
      assertThat(pull(store(newRoot(), QUICK.withInsecure(true)), image).erofs()).isPresent();
      ImageStore environment =
          new ImageStore(newRoot(), QUICK, Map.of("SSL_CERT_FILE", certificate));
      assertThat(pull(environment, image).erofs()).isPresent();
      failure(
          () -> pull(store(newRoot(), QUICK.withCaFile(temp + "/none")), image),
          Kind.INVALID_ARGUMENT,
          "--ca-file");
    }
  }

  @Test
  void goesThroughProxies() throws IOException {
    try (TestRegistry tls = tlsRegistry();
        FaultyProxy proxy = new FaultyProxy(tls.port(), n -> Effect.NONE);
        FaultyProxy plain = new FaultyProxy(registry.port(), n -> Effect.NONE)) {
      Map<String, String> environment =
          Map.of("HTTPS_PROXY", "http://user:pw@" + proxy.host(), "no_proxy", "other.test");
      RegistryOptions options = QUICK.withCaFile(certificate);
      Image image =
          pull(new ImageStore(newRoot(), options, environment), "registry.test/team/demo:v1");
      assertThat(image.erofs()).isPresent();
      assertThat(proxy.requests())
          .allSatisfy(
              r ->
                  assertThat(r)
                      .startsWith("CONNECT registry.test:443 HTTP/1.1")
                      .contains("Proxy-Authorization: Basic dXNlcjpwdw=="));
      failure(
          () -> pull(new ImageStore(newRoot(), options, environment), "other.test/team/demo:v1"),
          Kind.UNAVAILABLE,
          "other.test");
      // The certificate is for other names.
      failure(
          () -> pull(new ImageStore(newRoot(), options, environment), "wrong.test/team/demo:v1"),
          Kind.PERMISSION_DENIED,
          "certificate of registry wrong.test is not trusted");
      // Plain HTTP only where it is allowed: the answer to a TLS hello is no TLS.
      Map<String, String> both =
          Map.of("HTTPS_PROXY", "http://" + plain.host(), "HTTP_PROXY", "http://" + plain.host());
      failure(
          () -> pull(new ImageStore(newRoot(), QUICK, both), "registry.test/team/demo:v1"),
          Kind.UNAVAILABLE,
          "--insecure");
      assertThat(
              pull(
                      new ImageStore(newRoot(), QUICK.withInsecure(true), both),
                      "registry.test/team/demo:v1")
                  .erofs())
          .isPresent();
    }
  }

  @Test
  void keepsCredentialsFromOtherServers() throws IOException {
    TestImage image = new TestImage(temp + "/redirected").layer(TestImage.tar("f x")).tag("x");
    byte[] manifest =
        FileContent.readBytes(image.path(image.manifest(Platform.LINUX_AMD64)), 1 << 20);
    try (ScriptedServer elsewhere =
            new ScriptedServer(
                (head, out) ->
                    ScriptedServer.send(
                        out,
                        "200 OK",
                        FileContent.readBytes(
                            temp + "/redirected/blobs/sha256/" + head.split("[/ ]")[2], 1 << 20)));
        ScriptedServer front =
            new ScriptedServer(
                (head, out) -> {
                  if (!head.contains("Authorization: Basic YWxpY2U6c2VjcmV0")) {
                    ScriptedServer.send(
                        out, "401 No\r\nWWW-Authenticate: Basic realm=\"x\"", new byte[0]);
                  } else if (head.contains("/manifests/")) {
                    ScriptedServer.send(
                        out,
                        "200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json",
                        manifest);
                  } else {
                    String hex = head.substring(head.indexOf("sha256:") + 7).split(" ")[0];
                    ScriptedServer.send(
                        out,
                        "307 Go\r\nLocation: http://" + elsewhere.host() + "/" + hex,
                        new byte[0]);
                  }
                })) {
      RegistryOptions options = QUICK.withCredentials(new Credentials("alice", "secret"));
      assertThat(pull(store(newRoot(), options), front.host() + "/x").erofs()).isPresent();
      assertThat(elsewhere.requests()).hasSize(2);
      assertThat(elsewhere.requests()).noneMatch(r -> r.contains("Authorization"));
    }
  }

  @Test
  void refusesRubbish() throws IOException {
    Map<String, ScriptedServer.Script> scripts = new LinkedHashMap<>();
    scripts.put(
        "endless headers",
        (head, out) -> {
          out.write("HTTP/1.1 200 OK\r\n".getBytes(StandardCharsets.US_ASCII));
          while (true) {
            out.write(
                "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".getBytes(StandardCharsets.US_ASCII));
          }
        });
    scripts.put(
        "longer than 4194304 bytes",
        (head, out) -> ScriptedServer.send(out, "200 OK", new byte[(4 << 20) + 1]));
    scripts.put(
        "longer than 4194304",
        (head, out) -> {
          out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          while (true) {
            out.write(new byte[65536]);
          }
        });
    scripts.put(
        "does not speak HTTP",
        (head, out) -> out.write("SSH-2.0-OpenSSH\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
    scripts.put("without an answer", (head, out) -> {});
    scripts.put(
        "connection broke",
        (head, out) ->
            out.write(
                "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"
                    .getBytes(StandardCharsets.US_ASCII)));
    scripts.put(
        "is damaged",
        (head, out) ->
            ScriptedServer.send(out, "200 OK", "{\"a\"".getBytes(StandardCharsets.US_ASCII)));
    scripts.put(
        "unsupported media type",
        (head, out) ->
            ScriptedServer.send(
                out,
                "200 OK\r\nContent-Type: text/html",
                "{}".getBytes(StandardCharsets.US_ASCII)));
    scripts.put(
        "no answer within 300 ms",
        (head, out) -> {
          try {
            Thread.sleep(2000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    scripts.put(
        "redirects more than 5 times",
        (head, out) -> ScriptedServer.send(out, "302 Go\r\nLocation: /again", new byte[0]));
    scripts.put("status 503", (head, out) -> ScriptedServer.send(out, "503 Busy", new byte[0]));
    for (Map.Entry<String, ScriptedServer.Script> script : scripts.entrySet()) {
      try (ScriptedServer server = new ScriptedServer(script.getValue())) {
        String root = newRoot();
        RegistryOptions options = QUICK.withRetries(2, 5, 300);
        try {
          pull(store(root, options), server.host() + "/x");
          throw new AssertionError("accepted: " + script.getKey());
        } catch (dev.casemate.base.CasemateException e) {
          assertThat(e.getMessage()).contains(script.getKey()).doesNotContain("\n");
        }
        assertNothingLeft(root);
      }
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
      long deadline = System.nanoTime() + 20_000_000_000L;
      while (!Fs.exists(root + "/temp") || Fs.list(root + "/temp").size() < 2) {
        assertThat(System.nanoTime()).isLessThan(deadline);
        Thread.sleep(20);
      }
      process.destroyForcibly();
      process.waitFor();
      assertThat(Fs.list(root + "/temp")).isNotEmpty();
    }
    assertThat(pull(store(root, QUICK), registry.host() + "/team/demo:v1").erofs()).isPresent();
    assertThat(Fs.list(root + "/temp")).isEmpty();
  }
}
