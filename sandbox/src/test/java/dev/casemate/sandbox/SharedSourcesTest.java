package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class SharedSourcesTest {
  private static final int MANY = 40;

  @TempDir Path host;
  private final String run = "/run/css" + Processes.currentPid() % 10_000;
  private final Shares shares = new Shares(run + "/shared", run + "/fs.sock");
  private final SharedSources sources = new SharedSources(shares);

  @BeforeEach
  void prepare() throws IOException {
    Files.createDirectories(Path.of(run));
    Files.writeString(host.resolve("file"), "one");
  }

  @AfterEach
  void end() {
    shares.close();
    FileTree.removeTree(run);
  }

  private List<String> points() {
    return Fs.list(run + "/shared/mounts");
  }

  @Test
  void aPathWithOtherOwnersIsAnotherShare() {
    MountIds ids = MountIds.parse("0:65536:10", "0:65536:10");
    String plain = sources.add(host + "/file", ShareMode.ROOT);
    String mapped = sources.add(host + "/file", ShareMode.ROOT.withIds(ids));
    assertThat(mapped).isNotEqualTo(plain);
    assertThat(sources.add(host + "/file", ShareMode.ROOT.withIds(ids))).isEqualTo(mapped);
  }

  @Test
  void aPathIsSharedOnceUntilItsLastUserGoes() throws Exception {
    List<Callable<String>> adds = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      adds.add(() -> sources.add(host + "/file", ShareMode.ROOT));
    }
    Set<String> places = new HashSet<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<String> place : threads.invokeAll(adds)) {
        places.add(place.get());
      }
    }
    assertThat(places).hasSize(1);
    assertThat(points()).hasSize(1);
    String place = places.iterator().next();
    for (int i = 0; i < MANY; i++) {
      assertThat(points()).hasSize(1);
      sources.remove(place);
    }
    assertThat(points()).isEmpty();
  }

  @Test
  void whatDiffersIsSharedOnItsOwn() throws IOException {
    Set<String> places = new HashSet<>();
    for (String options : List.of("rbind", "rbind,ro", "bind", "rbind,rslave")) {
      places.add(sources.add(host + "/file", ShareMode.of(List.of(options.split(",")))));
    }
    Files.delete(host.resolve("file"));
    Files.writeString(host.resolve("file"), "another");
    places.add(sources.add(host + "/file", ShareMode.ROOT));
    assertThat(places).hasSize(5);
    assertThat(points()).hasSize(5);
  }
}
