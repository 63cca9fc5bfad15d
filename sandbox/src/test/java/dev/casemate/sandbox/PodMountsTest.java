package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Mounts below mounts, and overlays, seen from inside a real VM. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("vm")
class PodMountsTest {
  @TempDir static Path directory;
  private static TestPod pod;
  private static final List<Path> mounted = new ArrayList<>();

  @BeforeAll
  static void startPod() throws IOException {
    pod = new TestPod(directory, Optional.empty(), 0);
  }

  @AfterAll
  static void stopPod() {
    try {
      pod.close();
    } finally {
      for (Path path : mounted.reversed()) {
        Mounts.unmount(path.toString(), Mounts.DETACH);
      }
    }
  }

  private static Path tmpfs(Path path) throws IOException {
    Files.createDirectories(path);
    Mounts.mount("tmpfs", path.toString(), "tmpfs", 0, "size=64k");
    mounted.add(path);
    return path;
  }

  @Test
  void aReadOnlyVolumeLeavesWhatIsMountedBelowWritableUnlessItIsRecursive() throws Exception {
    Path volume = directory.resolve("volume");
    Files.createDirectories(volume.resolve("plain"));
    Path below = tmpfs(volume.resolve("below"));
    Path deep = tmpfs(below.resolve("deep"));
    Path fixed = tmpfs(volume.resolve("fixed"));
    Mounts.mount("", fixed.toString(), "", Mounts.BIND | Mounts.REMOUNT | Mounts.RDONLY, "");
    String script =
        "for f in /v/plain/x /v/below/x /v/below/deep/x /v/fixed/x; do"
            + " echo written > $f && echo $f; done 2> /dev/null; echo end";

    String once = pod.run("ro1", script, TestPod.bind(volume, "/v", "rbind", "ro", "rprivate"));
    assertThat(once.lines()).containsExactly("/v/below/x", "/v/below/deep/x", "end");
    assertThat(below.resolve("x")).hasContent("written\n");
    assertThat(deep.resolve("x")).hasContent("written\n");
    assertThat(volume.resolve("plain")).isEmptyDirectory();

    String all = pod.run("ro2", script, TestPod.bind(volume, "/v", "rbind", "rro", "rprivate"));
    assertThat(all.lines()).containsExactly("end");
    String alone = pod.run("ro3", script, TestPod.bind(volume, "/v", "bind", "ro", "rprivate"));
    assertThat(alone.lines()).containsExactly("end");
    String writable = pod.run("ro4", script, TestPod.bind(volume, "/v", "rbind", "rprivate"));
    assertThat(writable.lines())
        .containsExactly("/v/plain/x", "/v/below/x", "/v/below/deep/x", "end");
  }

  @Test
  void anOverlayOfTheHostsDirectoriesIsAVolume() throws Exception {
    Path upper = Files.createDirectories(directory.resolve("image/upper"));
    Path lower = Files.createDirectories(directory.resolve("image/lower"));
    Files.writeString(upper.resolve("one"), "1\n");
    Files.writeString(lower.resolve("two"), "2\n");
    Json.Obj overlay =
        new Json.Obj()
            .put("type", "overlay")
            .put("source", "overlay")
            .put("destination", "/image")
            .putStrings("options", List.of("lowerdir=" + upper + ":" + lower, "private"));
    assertThat(
            pod.run("ov1", "cat /image/one /image/two; echo x > /image/three || echo no", overlay)
                .lines())
        .contains("1", "2", "no");
    assertThat(upper.resolve("three")).doesNotExist();
  }
}
