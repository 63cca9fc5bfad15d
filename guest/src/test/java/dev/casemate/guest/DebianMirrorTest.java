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

/** An archive on the disk whose index names packages that are not there, as mirrors have them. */
class DebianMirrorTest {
  private static final String NAME = "linux-image-6.1.0-9-cloud-amd64";

  @TempDir Path temp;
  private final StringBuilder index = new StringBuilder();
  private final List<String> steps = new ArrayList<>();
  private Path archive = Path.of("");
  private Path config = Path.of("");

  private final Progress progress = steps::add;

  @BeforeEach
  void makeArchive() throws IOException {
    archive = Files.createDirectories(temp.resolve("archive"));
    Files.createDirectories(temp.resolve("state/lists/partial"));
    Files.createDirectories(temp.resolve("cache/archives/partial"));
    Files.createDirectories(temp.resolve("etc"));
    Files.writeString(temp.resolve("state/status"), "");
    config =
        Files.writeString(
            temp.resolve("apt.conf"),
            """
            Dir::Etc::SourceList "%1$s/sources.list";
            Dir::Etc::SourceParts "%1$s/etc";
            Dir::Etc::Preferences "%1$s/none";
            Dir::Etc::PreferencesParts "%1$s/etc";
            Dir::State "%1$s/state";
            Dir::State::Status "%1$s/state/status";
            Dir::Cache "%1$s/cache";
            APT::Architecture "amd64";
            """
                .formatted(temp));
    Files.writeString(temp.resolve("sources.list"), "deb [trusted=yes] file:" + archive + " ./\n");
  }

  /** A kernel's package; the index names it whether it is there or not. */
  private void kernel(String name, String version, boolean there) throws IOException {
    Path root = temp.resolve("package-" + name + "-" + version);
    String release = SampleKernel.RELEASE;
    Path modules = Files.createDirectories(root.resolve("lib/modules/" + release));
    Files.writeString(modules.resolve("modules.builtin"), "kernel/fs/ext4/ext4.ko\n");
    Files.createDirectories(root.resolve("boot"));
    Files.write(root.resolve("boot/vmlinuz-" + release), SampleKernel.elf(true));
    add(root, name, version, "", there);
  }

  private void add(Path root, String name, String version, String depends, boolean there)
      throws IOException {
    Files.createDirectories(root.resolve("DEBIAN"));
    String control =
        "Package: "
            + name
            + "\nVersion: "
            + version
            + "\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\n"
            + (depends.isEmpty() ? "" : "Depends: " + depends + "\n")
            + "Description: a test\n";
    Files.writeString(root.resolve("DEBIAN/control"), control);
    Path deb = archive.resolve(name + "_" + version + ".deb");
    Tool.Result result =
        Tool.run(
            temp, List.of(Tool.require("dpkg-deb", "dpkg"), "-b", root.toString(), deb.toString()));
    assertThat(result.ok()).as(result.errors()).isTrue();
    index
        .append(control)
        .append("Filename: ./")
        .append(deb.getFileName())
        .append("\nSize: ")
        .append(Files.size(deb))
        .append("\nSHA256: ")
        .append(Digest.sha256(deb))
        .append("\n\n");
    if (!there) {
      Files.delete(deb);
    }
  }

  private DebianPackages packages() throws IOException {
    Files.writeString(archive.resolve("Packages"), index);
    List<String> options = List.of("-c", config.toString());
    List<String> update = new ArrayList<>(List.of(Tool.require("apt-get", "apt")));
    update.addAll(options);
    update.addAll(List.of("-q", "-o", "APT::Sandbox::User=root", "update"));
    Tool.Result result = Tool.run(temp, update);
    assertThat(result.ok()).as(result.text() + result.errors()).isTrue();
    return new DebianPackages(
        Files.createDirectories(temp.resolve("downloads")),
        Files.createDirectories(temp.resolve("scratch")),
        progress,
        options);
  }

  private PreparedKernel prepare(Optional<String> wanted) throws IOException {
    Path scratch = Files.createDirectories(temp.resolve("unpacked"));
    return DebianKernel.prepare(packages(), wanted, scratch, progress);
  }

  @Test
  void anOlderVersionStandsInForOneThatIsGone() throws IOException {
    kernel(NAME, "6.1.9-2", false);
    kernel(NAME, "6.1.9-1", true);
    add(temp.resolve("meta"), "linux-image-cloud-amd64", "6.1.9-2", NAME + " (= 6.1.9-2)", true);
    PreparedKernel kernel = prepare(Optional.empty());
    assertThat(kernel.source()).isEqualTo(NAME);
    assertThat(kernel.sourceVersion()).isEqualTo("6.1.9-1");
    assertThat(steps)
        .contains(NAME + " 6.1.9-2 is not available", "Trying " + NAME + " 6.1.9-1 instead");
  }

  @Test
  void anotherKernelStandsInForOneThatIsGoneAltogether() throws IOException {
    kernel(NAME, "6.1.9-2", false);
    kernel("linux-image-6.1.0-8-cloud-amd64", "6.1.8-1", true);
    add(temp.resolve("meta"), "linux-image-cloud-amd64", "6.1.9-2", NAME, true);
    assertThat(prepare(Optional.empty()).source()).isEqualTo("linux-image-6.1.0-8-cloud-amd64");
  }

  @Test
  void aKernelThatWasNamedIsNotReplacedByAnother() throws IOException {
    kernel(NAME, "6.1.9-2", false);
    kernel("linux-image-6.1.0-8-cloud-amd64", "6.1.8-1", true);
    assertThatThrownBy(() -> prepare(Optional.of(NAME)))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining(NAME + "=6.1.9-2")
        .hasMessageContaining("apt-get update");
    assertThatThrownBy(() -> prepare(Optional.of("linux-image-nosuch")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("apt has no kernel package linux-image-nosuch");
  }
}
