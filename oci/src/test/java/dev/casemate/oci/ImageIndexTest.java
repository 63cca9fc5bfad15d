package dev.casemate.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageIndexTest {
  /** {@code os/architecture/variant}, {@code none}, or {@code attestation}. */
  private static Descriptor entry(String text, int number) {
    String[] part = (text + "/ / ").split("/");
    Optional<Platform> platform =
        text.equals("none")
            ? Optional.empty()
            : text.equals("attestation")
                ? Optional.of(new Platform("unknown", "unknown", ""))
                : Optional.of(new Platform(part[0].strip(), part[1].strip(), part[2].strip()));
    return new Descriptor(
        ImageManifest.OCI,
        "sha256:" + Integer.toString(number).repeat(64),
        1,
        platform,
        text.equals("attestation")
            ? Map.of("vnd.docker.reference.type", "attestation-manifest")
            : Map.of());
  }

  private static ImageIndex index(String entries) {
    List<Descriptor> all = new ArrayList<>();
    for (String text : entries.split(" ")) {
      all.add(entry(text, all.size()));
    }
    return new ImageIndex(all);
  }

  @ParameterizedTest
  @CsvSource({
    "linux/arm64 linux/amd64,1",
    "linux/amd64/v3 linux/amd64/v2 linux/386,1",
    "linux/386 linux/amd64/v4,1",
    "linux/arm64 linux/386,1",
    "none attestation,0",
    "attestation none attestation,1",
    "linux/arm64 none,1",
    "none none,0",
    "none linux/386,1",
  })
  void choosesTheBestForAmd64(String entries, int chosen) {
    assertThat(index(entries).select(Platform.LINUX_AMD64, "image").hex())
        .isEqualTo(Integer.toString(chosen).repeat(64));
  }

  @ParameterizedTest
  @CsvSource({"linux/arm64 windows/amd64,linux/arm64", "attestation,no platform at all"})
  void saysWhatThereIs(String entries, String said) {
    assertThatThrownBy(() -> index(entries).select(Platform.LINUX_AMD64, "image"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("not available for linux/amd64")
        .hasMessageContaining(said);
  }
}
