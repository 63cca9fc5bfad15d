package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.image.TestImage;
import dev.casemate.oci.Descriptor;
import dev.casemate.oci.Platform;
import dev.casemate.testsupport.FaultyProxy;
import dev.casemate.testsupport.FaultyProxy.Effect;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.TestRegistry;
import dev.casemate.testsupport.TokenServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The executable with real registries: TLS, passwords, tokens, compressed layers and broken
 * connections, of which a native image has code of its own.
 */
class RegistryTest extends EndToEnd {
  private static final String TAR =
      "tar --sort=name --numeric-owner --xattrs --xattrs-include='*' -C ";
  private static Path directory = Path.of("");
  private static Path certificate = Path.of("");
  private static Optional<TestRegistry> started = Optional.empty();
  private static int stores;

  @BeforeAll
  static void push() throws IOException {
    directory = files("registry-images");
    Files.createDirectories(directory.resolve("storage"));
    TestRegistry registry = TestRegistry.start(directory + "/storage", "", "");
    started = Optional.of(registry);
    TestImage image = new TestImage(directory + "/rich").layer(busybox());
    for (Path layer : layers()) {
      image.layer(Files.readAllBytes(layer));
    }
    image
        .layer(TestImage.tarOf("big-one", TestImage.random(1, 600_000)))
        .layer(TestImage.tarOf("big-two", TestImage.random(2, 500_000)))
        .tag("gzip");
    registry.push(directory + "/rich:gzip", "team/rich:gzip");
    Shell.run(
        "skopeo copy -q --insecure-policy --dest-tls-verify=false --dest-compress-format zstd oci:"
            + directory
            + "/rich:gzip docker://"
            + registry.host()
            + "/team/rich:zstd");
    certificate = directory.resolve("cert.pem");
    Shell.run(
        "cd "
            + directory
            + " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2"
            + " -subj /CN=casemate-test -addext subjectAltName=IP:127.0.0.1 2>/dev/null");
  }

  @AfterAll
  static void stop() {
    started.ifPresent(TestRegistry::close);
  }

  private static TestRegistry registry() {
    return started.orElseThrow();
  }

  /** The layer of the image that other tests use. */
  private static byte[] busybox() throws IOException {
    Path blobs = Casemate.FILES.resolve("busybox/blobs/sha256");
    String file = Shell.run("ls -S " + blobs + " | head -n 1").out().strip();
    byte[] stored = Files.readAllBytes(blobs.resolve(file));
    try (GZIPInputStream layer = new GZIPInputStream(new ByteArrayInputStream(stored))) {
      return layer.readAllBytes();
    }
  }

  /** Two layers, written by tar: one with whatever a file can be, one that takes some away. */
  private static List<Path> layers() {
    Shell.run(
        "cd "
            + directory
            + "; mkdir -p one/data/opaque one/data/dir two/data/opaque;"
            + "echo gone > one/data/gone; echo inside > one/data/dir/inside;"
            + "echo old > one/data/opaque/old; echo kept > one/data/kept; ln one/data/kept"
            + " one/data/linked; setfattr -n user.color -v blue one/data/kept; mknod -m 640"
            + " one/data/device b 7 99; mkfifo one/data/fifo; chown 12:34 one/data/kept; chmod 4755"
            + " one/data/kept;"
            + "touch two/data/.wh.gone two/data/.wh.dir two/data/opaque/.wh..wh..opq;"
            + "echo new > two/data/opaque/new;"
            + TAR
            + "one -cf one.tar data; "
            + TAR
            + "two -cf two.tar data");
    // The host's file systems need not carry this program's; in the container nothing reads them.
    write(
        directory.resolve("color.c"),
        """
        #include <stdio.h>
        #include <sys/xattr.h>
        int main(int count, char **words) {
            char value[64];
            ssize_t length = getxattr(words[count - 1], "user.color", value, sizeof value);
            return printf("%.*s\\n", (int)length, value) < 2;
        }
        """);
    Shell.run("cd " + directory + "; mkdir -p bin; musl-gcc -static -o bin/color color.c");
    return List.of(directory.resolve("one.tar"), directory.resolve("two.tar"));
  }

  /** A command with a store of its own, which has no blobs yet. */
  private static Casemate.Call fresh(String... arguments) {
    Path state = files("registry-state-" + ++stores);
    Shell.run("ln -s " + Casemate.GUEST + " " + state + "/guest");
    return call(arguments).environment("CASEMATE_STATE", state.toString());
  }

  private static void isPulled(Result result) {
    assertThat(result.expect(0).out()).containsPattern("sha256:[0-9a-f]{64}");
  }

  @Test
  void layersOfEveryKind() {
    for (String tag : List.of("gzip", "zstd")) {
      Result result =
          fresh(
                  "run",
                  "--rm",
                  "--entrypoint",
                  "sh",
                  "-u",
                  "0",
                  "-w",
                  "/data",
                  "-v",
                  directory + "/bin:/tools:ro",
                  registry().host() + "/team/rich:" + tag,
                  "-c",
                  "ls -a | tr '\\n' ' '; ls opaque; stat -c '%a %u:%g %h %i' kept linked | uniq |"
                      + " wc -l; stat -c '%a %u:%g %h' kept; stat -c '%F %a %t:%T' device; stat -c"
                      + " %F fifo; /tools/color linked; wc -c < /big-one; wc -c < /big-two")
              .run()
              .expect(0);
      assertThat(result.err()).as("warnings of the JDK").doesNotContain("WARNING");
      assertThat(result.out())
          .as(tag)
          .isEqualTo(
              """
              . .. device fifo kept linked opaque new
              1
              4755 12:34 2
              block special file 640 7:63
              fifo
              blue
              600000
              500000
              """);
    }
  }

  @Test
  void aPlatformOfAnIndex() {
    TestImage arm = new TestImage(directory + "/multi").layer(TestImage.tar("f arm"));
    Map<Platform, Descriptor> one = new LinkedHashMap<>();
    one.put(new Platform("linux", "arm64", ""), arm.manifest(new Platform("linux", "arm64", "")));
    Map<Platform, Descriptor> both = new LinkedHashMap<>(one);
    TestImage amd = new TestImage(directory + "/multi").layer(TestImage.tar("f amd"));
    both.put(Platform.LINUX_AMD64, amd.manifest(Platform.LINUX_AMD64));
    amd.tag("both", amd.index(both)).tag("one", amd.index(one));
    registry().push(directory + "/multi:both", "multi:both");
    registry().push(directory + "/multi:one", "multi:one");

    isPulled(fresh("pull", registry().host() + "/multi:both").run());
    isError(
        fresh("pull", registry().host() + "/multi:one").run(),
        1,
        "not available for linux/amd64",
        "linux/arm64");
  }

  @Test
  void namesAndPasswords() {
    Shell.run("htpasswd -Bbn alice secret > " + directory + "/htpasswd 2>/dev/null");
    try (TestRegistry closed =
        TestRegistry.start(
            directory + "/storage",
            "",
            "auth:\n  htpasswd:\n    realm: r\n    path: " + directory + "/htpasswd\n")) {
      String image = closed.host() + "/team/rich:gzip";
      isError(fresh("pull", image).run(), 1, "anonymous", "docker login");
      isError(login(closed, "alice", "wrong", image).run(), 1, "alice");
      isPulled(login(closed, "alice", "secret", image).run());
    }
  }

  @Test
  void tokens() throws IOException, GeneralSecurityException {
    try (TokenServer issuer =
            new TokenServer(directory.resolve("key.pem"), certificate, "bob", "pass:word");
        TestRegistry closed =
            TestRegistry.start(
                directory + "/storage",
                "",
                "auth:\n  token:\n    realm: "
                    + issuer.realm()
                    + "\n    service: casemate-registry\n    issuer: casemate-issuer\n"
                    + "    rootcertbundle: "
                    + certificate
                    + "\n")) {
      String image = closed.host() + "/team/rich:zstd";
      isError(fresh("pull", image).run(), 1, "requires credentials", "team/rich");
      isPulled(login(closed, "bob", "pass:word", image).run());
      assertThat(issuer.requests().getLast()).contains("scope=repository%3Ateam%2Frich%3Apull");
    }
  }

  /** What docker login leaves behind. */
  private static Casemate.Call login(
      TestRegistry closed, String user, String password, String image) {
    String auth =
        Base64.getEncoder()
            .encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    Path config = files("docker-config");
    write(
        config.resolve("config.json"),
        "{\"auths\":{\"" + closed.host() + "\":{\"auth\":\"" + auth + "\"}}}");
    return fresh("pull", image).environment("DOCKER_CONFIG", config.toString());
  }

  @Test
  void certificates() {
    try (TestRegistry tls =
        TestRegistry.start(
            directory + "/storage",
            "  tls:\n    certificate: " + certificate + "\n    key: " + directory + "/key.pem\n",
            "")) {
      String image = tls.host() + "/team/rich:gzip";
      isError(fresh("pull", image).run(), 1, "is not trusted", "--ca-file");
      isError(fresh("pull", "--ca-file", "/no/such", image).run(), 1, "--ca-file", "/no/such");
      isPulled(fresh("pull", "--ca-file", certificate.toString(), image).run());
      isPulled(fresh("pull", "--insecure", image).run());
      isPulled(fresh("pull", image).environment("SSL_CERT_FILE", certificate.toString()).run());
    }
  }

  @Test
  void aConnectionThatBreaks() throws IOException {
    try (FaultyProxy proxy =
        new FaultyProxy(
            registry().port(), n -> n <= 3 ? new Effect(300_000, -1, 0, false) : Effect.NONE)) {
      Result result = fresh("pull", proxy.host() + "/team/rich:gzip").run();
      isPulled(result);
      assertThat(result.err()).contains("connection lost", "retrying");
      assertThat(proxy.blobRequests()).anyMatch(head -> head.contains("Range: bytes="));
    }
  }

  @Test
  void aBarOnATerminal() throws IOException {
    // Slow enough for a bar to be drawn more than once.
    try (FaultyProxy proxy =
            new FaultyProxy(registry().port(), _ -> new Effect(-1, -1, 20, false));
        Terminal terminal = new Terminal(100, 30, "pull", proxy.host() + "/team/rich:gzip")) {
      assertThat(terminal.await()).as(terminal.toString()).isZero();
      assertThat(terminal.screen()).contains("\r[#", "-] ", " of ", "sha256:");
      ok("rmi", proxy.host() + "/team/rich:gzip");
    }
  }
}
