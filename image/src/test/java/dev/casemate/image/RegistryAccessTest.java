package dev.casemate.image;

import static dev.casemate.image.Failures.failure;
import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.CasemateException.Kind;
import dev.casemate.image.RegistryOptions.Credentials;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.oci.Platform;
import dev.casemate.testsupport.FaultyProxy;
import dev.casemate.testsupport.FaultyProxy.Effect;
import dev.casemate.testsupport.ScriptedServer;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.TestRegistry;
import dev.casemate.testsupport.TokenServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who may pull and from whom: credentials, tokens, certificates, proxies, redirects. */
final class RegistryAccessTest extends RegistryCases {
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
      failure(() -> pull(image), Kind.PERMISSION_DENIED, "requires credentials", "team/demo");
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
}
