package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.image.RegistryOptions.Credentials;
import dev.casemate.linux.FileContent;
import dev.casemate.oci.Platform;
import dev.casemate.testsupport.ScriptedServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whom credentials reach: the registry on 127.0.0.1, never the servers on 127.0.0.2 and .3. */
final class RegistryChallengeTest {
  private static final RegistryOptions ALICE =
      RegistryOptions.defaults()
          .withRetries(2, 20, 5_000)
          .withCredentials(new Credentials("alice", "secret"));
  private static final String BASIC = "Authorization: Basic YWxpY2U6c2VjcmV0";
  private static final byte[] TOKEN = "{\"token\":\"t1\"}".getBytes(StandardCharsets.UTF_8);

  @TempDir Path temp;
  private byte[] manifest = {};

  @BeforeEach
  void image() {
    TestImage image = new TestImage(temp + "/image").layer(TestImage.tar("f x")).tag("x");
    manifest = FileContent.readBytes(image.path(image.manifest(Platform.LINUX_AMD64)), 1 << 20);
  }

  private void pull(ScriptedServer registry, RegistryOptions options) {
    new ImageStore(temp + "/store", options, Map.of())
        .resolve(registry.host() + "/x", PullPolicy.MISSING, PullProgress.NONE);
  }

  private static ScriptedServer evil() throws IOException {
    return new ScriptedServer(
        "127.0.0.3", (head, out) -> ScriptedServer.send(out, "200 OK", TOKEN));
  }

  /** Gives the manifest and sends everything else to another server. */
  private ScriptedServer registry(ScriptedServer elsewhere) throws IOException {
    return new ScriptedServer(
        (head, out) -> {
          if (head.contains("/manifests/")) {
            ScriptedServer.send(
                out,
                "200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json",
                manifest);
          } else {
            ScriptedServer.send(
                out, "307 Go\r\nLocation: http://" + elsewhere.host() + "/x", new byte[0]);
          }
        });
  }

  @Tag("root")
  @Test
  void answersNoChallengeOfARedirectsTarget() throws IOException {
    try (ScriptedServer evil = evil();
        ScriptedServer bearer = challenger("Bearer realm=\"http://" + evil.host() + "/t\"");
        ScriptedServer basic = challenger("Basic realm=\"x\"");
        ScriptedServer toBearer = registry(bearer);
        ScriptedServer toBasic = registry(basic)) {
      failure(() -> pull(toBearer, ALICE), Kind.PERMISSION_DENIED, "redirects to", bearer.host());
      failure(() -> pull(toBasic, ALICE), Kind.PERMISSION_DENIED, "redirects to", basic.host());
      // Nor anonymously: the realm is not asked at all.
      failure(
          () -> pull(toBearer, RegistryOptions.defaults().withRetries(2, 20, 5_000)),
          Kind.PERMISSION_DENIED,
          "redirects to");
      assertThat(evil.requests()).isEmpty();
      assertThat(bearer.requests()).isNotEmpty().noneMatch(r -> r.contains("Authorization"));
      assertThat(basic.requests()).isNotEmpty().noneMatch(r -> r.contains("Authorization"));
    }
  }

  private static ScriptedServer challenger(String challenge) throws IOException {
    return new ScriptedServer(
        "127.0.0.2",
        (head, out) ->
            ScriptedServer.send(out, "401 No\r\nWWW-Authenticate: " + challenge, new byte[0]));
  }

  @Test
  void sendsNoCredentialsToAnAddressThatAnotherServerChose() throws IOException {
    String[] back = {""};
    try (ScriptedServer elsewhere =
            new ScriptedServer(
                "127.0.0.2",
                (head, out) ->
                    ScriptedServer.send(out, "307 Go\r\nLocation: " + back[0], new byte[0]));
        ScriptedServer registry =
            new ScriptedServer(
                (head, out) -> {
                  if (head.startsWith("GET /chosen") || !head.contains(BASIC)) {
                    ScriptedServer.send(
                        out, "401 No\r\nWWW-Authenticate: Basic realm=\"x\"", new byte[0]);
                  } else {
                    ScriptedServer.send(
                        out, "307 Go\r\nLocation: http://" + elsewhere.host(), new byte[0]);
                  }
                })) {
      back[0] = "http://" + registry.host() + "/chosen";
      failure(() -> pull(registry, ALICE), Kind.PERMISSION_DENIED, "redirects to");
      assertThat(registry.requests())
          .anyMatch(r -> r.contains(BASIC))
          .noneMatch(r -> r.startsWith("GET /chosen") && r.contains("Authorization"));
      assertThat(elsewhere.requests()).noneMatch(r -> r.contains("Authorization"));
    }
  }

  @Test
  void wantsAnHttpsRealmUnlessAllIsLocalOrInsecure() throws IOException {
    Url secure = Url.parse("https://registry.test/v2/");
    Url plain = Url.parse("http://127.0.0.1:5000/v2/");
    assertThat(RegistryAuth.isAcceptable(secure, Url.parse("https://a.test/t"), false)).isTrue();
    assertThat(RegistryAuth.isAcceptable(secure, Url.parse("http://a.test/t"), false)).isFalse();
    assertThat(RegistryAuth.isAcceptable(secure, Url.parse("http://a.test/t"), true)).isFalse();
    assertThat(RegistryAuth.isAcceptable(secure, Url.parse("http://127.0.0.1/t"), false)).isFalse();
    assertThat(RegistryAuth.isAcceptable(plain, Url.parse("http://127.0.0.3/t"), false)).isTrue();
    assertThat(RegistryAuth.isAcceptable(plain, Url.parse("http://a.test/t"), false)).isFalse();
    assertThat(RegistryAuth.isAcceptable(plain, Url.parse("http://a.test/t"), true)).isTrue();
    try (ScriptedServer registry = challenger("Bearer realm=\"http://token.test/t\"")) {
      failure(
          () -> pull(registry, ALICE),
          Kind.PERMISSION_DENIED,
          "token.test",
          "over plain HTTP",
          "https realm");
    }
  }
}
