package dev.casemate.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ImageReferenceTest {
  private static final String DIGEST = "sha256:" + "0123456789abcdef".repeat(4);

  @ParameterizedTest
  @CsvSource({
    "busybox, docker.io/library/busybox:latest",
    "docker://busybox, docker.io/library/busybox:latest",
    "busybox:1.36, docker.io/library/busybox:1.36",
    "team/app, docker.io/team/app:latest",
    "index.docker.io/busybox, docker.io/library/busybox:latest",
    "localhost/x, localhost/x:latest",
    "localhost:5000/a/b-c/d_e:V.1-2, localhost:5000/a/b-c/d_e:V.1-2",
    "[::1]:5000/x, [::1]:5000/x:latest",
    "example.org/a__b/c--d, example.org/a__b/c--d:latest",
  })
  void completesNames(String text, String complete) {
    assertThat(ImageReference.parse(text).text()).isEqualTo(complete);
  }

  @Test
  void knowsDigests() {
    ImageReference only = ImageReference.parse("x@" + DIGEST);
    assertThat(only.text()).isEqualTo("docker.io/library/x@" + DIGEST);
    assertThat(only.manifestReference()).isEqualTo(DIGEST);
    assertThat(only.host()).isEqualTo("registry-1.docker.io");
    assertThat(ImageReference.parse("e.org/x:1@" + DIGEST).manifestReference()).isEqualTo(DIGEST);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Upper",
        "a//b",
        "/a",
        "a/",
        "a:",
        "a:-x",
        "a b",
        "a@sha256:12",
        "a@md5:00",
        "../a",
        "a/../b",
        "e.org:99999/x",
        "e.org:/x",
        "e..g/a\n",
        "a?b=c",
        "user@e.org/x",
      })
  void refusesWhatIsNoName(String text) {
    assertThatThrownBy(() -> ImageReference.parse(text)).isInstanceOf(CasemateException.class);
  }
}
