package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.oci.ImageReference;
import dev.casemate.testsupport.ScriptedServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a registry's answers to the question for a manifest mean; the registry is scripted. */
class RegistrySourceTest {
  private static final byte[] MANIFEST = "{}".getBytes(StandardCharsets.UTF_8);
  private static final String TYPE = "application/vnd.oci.image.manifest.v1+json";

  private static ImageSource.Document top(ScriptedServer server, String name) {
    RegistryOptions options = RegistryOptions.defaults().withRetries(2, 10, 5_000);
    return new RegistrySource(
            ImageReference.parse(server.host() + "/" + name), options, Map.of(), PullProgress.NONE)
        .top();
  }

  @Test
  void givesTheManifestOfTagOrDigest() throws IOException {
    try (ScriptedServer server =
        new ScriptedServer(
            (head, out) ->
                ScriptedServer.send(
                    out, "200 OK\r\nContent-Type: " + TYPE + "; charset=utf-8", MANIFEST))) {
      ImageSource.Document document = top(server, "a/b:c");
      assertThat(document.mediaType()).isEqualTo(TYPE);
      assertThat(document.digest()).isEqualTo(Digests.of(MANIFEST));
      assertThat(server.requests().getLast()).contains("GET /v2/a/b/manifests/c ");
      assertThat(top(server, "a@" + Digests.of(MANIFEST)).content()).isEqualTo(MANIFEST);
      assertThatThrownBy(() -> top(server, "a@" + Digests.of("other")))
          .hasMessageContaining(Digests.of(MANIFEST))
          .hasMessageContaining("damaged or malicious");
    }
  }

  @Test
  void refusesAManifestThatTheRegistryCallsOtherwise() throws IOException {
    String claim = "200 OK\r\nDocker-Content-Digest: " + Digests.of("other");
    try (ScriptedServer server =
        new ScriptedServer((head, out) -> ScriptedServer.send(out, claim, MANIFEST))) {
      assertThatThrownBy(() -> top(server, "a"))
          .hasMessageContaining(Digests.of("other"))
          .hasMessageContaining("try again");
    }
  }

  @Test
  void asksABusyRegistryAgain() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    try (ScriptedServer server =
        new ScriptedServer(
            (head, out) ->
                ScriptedServer.send(
                    out, asked.getAndIncrement() == 0 ? "503 Busy" : "200 OK", MANIFEST))) {
      assertThat(top(server, "a").content()).isEqualTo(MANIFEST);
      assertThat(asked).hasValue(2);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "404 No,NOT_FOUND,check name and tag",
    "403 No,PERMISSION_DENIED,docker login",
    "401 No,PERMISSION_DENIED,docker login",
    "418 Tea,UNAVAILABLE,status 418",
    "500 Broken,UNAVAILABLE,status 500",
  })
  void saysWhatAnAnswerMeans(String answer, Kind kind, String text) throws IOException {
    try (ScriptedServer server =
        new ScriptedServer((head, out) -> ScriptedServer.send(out, answer, new byte[0]))) {
      assertThatThrownBy(() -> top(server, "a"))
          .hasMessageContaining(text)
          .extracting(e -> ((CasemateException) e).kind())
          .isEqualTo(kind);
    }
  }
}
