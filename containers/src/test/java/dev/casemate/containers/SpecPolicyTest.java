package dev.casemate.containers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.oci.ImageConfig;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Platform;
import dev.casemate.oci.Spec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What comes of an image's configuration and the user's wishes. */
class SpecPolicyTest {
  private static final ImageConfig IMAGE =
      new ImageConfig(
          Platform.LINUX_AMD64,
          List.of("PATH=/bin", "A=image"),
          List.of("/entry"),
          List.of("default"),
          "/srv",
          "nobody",
          List.of(),
          List.of("/data", "/var/lib/x"),
          Map.of(),
          "QUIT",
          List.of());

  private final Wishes wishes = new Wishes("test");

  private SpecPolicy policy() {
    return new SpecPolicy(wishes, IMAGE);
  }

  @Test
  void theImageSaysWhatTheUserDoesNot() {
    Spec spec = policy().spec("id", "host");
    assertThat(spec.process().orElseThrow().args()).containsExactly("/entry", "default");
    assertThat(spec.process().orElseThrow().cwd()).isEqualTo("/srv");
    assertThat(spec.process().orElseThrow().user().username()).isEqualTo("nobody");
    assertThat(spec.process().orElseThrow().env())
        .containsExactly("PATH=/bin", "HOSTNAME=host", "A=image");
    assertThat(spec.annotations()).containsEntry("dev.casemate.image-volumes", "/data\n/var/lib/x");
  }

  /** On the disk itself: what an overlay cannot be a layer of, a volume can. */
  @Test
  void volumesOfTheImageAreOnTheScratchDisk() {
    Spec spec = policy().spec("id", "host");
    assertThat(spec.mounts())
        .filteredOn(mount -> mount.source().startsWith("/run/kata-containers/id/scratch/volumes/"))
        .extracting(MountSpec::destination)
        .containsExactly("/data", "/var/lib/x");
    wishes.volumes.add(new Wishes.Volume("/tmp", "/data/", false));
    assertThat(policy().spec("id", "host").mounts())
        .filteredOn(mount -> mount.destination().startsWith("/data"))
        .singleElement()
        .matches(mount -> mount.source().equals("/tmp"));
  }

  @Test
  void theUsersWordsReplaceTheImagesCommandAndAnEntryPointBoth() {
    wishes.command.addAll(List.of("x", "y"));
    assertThat(policy().command()).containsExactly("/entry", "x", "y");
    wishes.entrypoint = Optional.of("sh");
    assertThat(policy().command()).containsExactly("sh", "x", "y");
    wishes.entrypoint = Optional.of("");
    assertThat(policy().command()).containsExactly("x", "y");
    wishes.command.clear();
    assertThatThrownBy(() -> policy().command()).hasMessageContaining("no command");
  }

  @Test
  void theUserOverridesTheImage() {
    wishes.environment.put("A", "user");
    wishes.workdir = Optional.of("/w");
    wishes.user = Optional.of("1000:5");
    Spec spec = policy().spec("id", "host");
    assertThat(spec.process().orElseThrow().env()).contains("A=user");
    assertThat(spec.process().orElseThrow().cwd()).isEqualTo("/w");
    assertThat(spec.process().orElseThrow().user().username()).isEqualTo("1000:5");
  }
}
