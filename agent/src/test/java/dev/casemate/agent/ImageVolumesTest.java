package dev.casemate.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageVolumesTest {
  @TempDir Path temp;

  private void make(String paths) {
    Json.Obj json = new Json.Obj().put("ociVersion", "1.2.0");
    json.put("root", new Json.Obj().put("path", temp.resolve("root").toString()));
    json.putMap("annotations", Map.of(GuestContract.IMAGE_VOLUMES_ANNOTATION, paths));
    ImageVolumes.make(Spec.parse(json.text()), "id");
  }

  @Test
  void makesWhatIsMissingBelowTheRoot() throws IOException {
    Path root = Files.createDirectories(temp.resolve("root"));
    Path outside = Files.createDirectories(temp.resolve("outside"));
    Files.createDirectories(root.resolve("there"));
    Files.createSymbolicLink(root.resolve("out"), outside);
    Files.createSymbolicLink(root.resolve("up"), Path.of("../../../there"));
    make("/data\n/there\n/a/b/c\n/up/below");
    assertThat(root.resolve("data")).isDirectory();
    assertThat(root.resolve("a/b/c")).isDirectory();
    assertThat(root.resolve("there/below")).isDirectory();
    assertThatThrownBy(() -> make("/x/../../outside/y")).hasMessageContaining("..");
    // The link's target is looked for inside, where it does not exist.
    assertThatThrownBy(() -> make("/out/planted")).isInstanceOf(LinuxException.class);
    assertThat(outside.toFile().list()).isEmpty();
  }

  @Test
  void leavesAnImageWithoutVolumesAlone() {
    make("");
    assertThat(temp.toFile().list()).isEmpty();
  }
}
