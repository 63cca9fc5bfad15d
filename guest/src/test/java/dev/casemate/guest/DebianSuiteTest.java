package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A mirror on the disk with one suite. */
class DebianSuiteTest {
  private static final String RECORD =
      """
      Package: linux-image-cloud-amd64
      Version: 6.12.1-1
      Architecture: amd64
      Maintainer: A Tester <test@example.org>
      Description: a test
      Filename: ./none.deb
      Size: 1
      SHA256: %s

      """
          .formatted("0".repeat(64));

  @TempDir Path temp;
  private final List<String> steps = new ArrayList<>();
  private String mirror = "";

  @BeforeEach
  void makeMirror() throws IOException {
    Path archive = temp.resolve("archive");
    mirror = "file:" + archive;
    suite("trixie");
  }

  private void suite(String name) throws IOException {
    Path suite = temp.resolve("archive/dists/" + name);
    Path packages = Files.createDirectories(suite.resolve("main/binary-amd64")).resolve("Packages");
    Files.writeString(packages, RECORD);
    Files.writeString(
        suite.resolve("Release"),
        "Suite: %s\nCodename: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %d %s\n"
            .formatted(
                name,
                name,
                Digest.sha256(packages),
                Files.size(packages),
                "main/binary-amd64/Packages"));
  }

  private List<String> read(String suite, Optional<String> security) {
    Path cache = temp.resolve("cache");
    return new DebianSuite(suite, cache, steps::add).aptOptions(mirror, security);
  }

  private Optional<DebianPackages.Entry> kernel(List<String> options) throws IOException {
    Path downloads = Files.createDirectories(temp.resolve("downloads"));
    return new DebianPackages(downloads, downloads, steps::add, options)
        .find("linux-image-cloud-amd64");
  }

  @Test
  void findsTheKernelOfAnotherSuite() throws IOException {
    assertThat(kernel(read("trixie", Optional.empty())).orElseThrow().version())
        .isEqualTo("6.12.1-1");
    assertThat(steps).containsExactly("Reading the lists of trixie");
  }

  @Test
  void readsASuiteWithoutSecurityUpdates() throws IOException {
    assertThat(kernel(read("trixie", Optional.of(mirror)))).isPresent();
    assertThat(steps).anyMatch(step -> step.startsWith("trixie seems to have no security updates"));
  }

  @Test
  void readsTheSecurityUpdatesToo() throws IOException {
    suite("trixie-security");
    assertThat(kernel(read("trixie", Optional.of(mirror)))).isPresent();
    assertThat(steps).hasSize(1);
    assertThat(temp.resolve("cache/apt-trixie/sources.list"))
        .content()
        .contains(" trixie-security main");
  }

  @Test
  void namesASuiteThatTheMirrorDoesNotHave() {
    assertThatThrownBy(() -> read("nosuch", Optional.empty()))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("the suite nosuch from " + mirror)
        .hasMessageContaining("Check the name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-o", "../up", "a b", "Trixie", "a\nb"})
  void refusesWhatIsNoNameOfASuite(String name) {
    assertThatThrownBy(() -> new DebianSuite(name, temp, steps::add))
        .hasMessageContaining("is not the name of a Debian suite");
  }
}
