package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Processes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** On this machine's own hierarchies, of either version. */
@Tag("root")
class HostCgroupTest {
  private static final String PATH = "/casemate/test-" + Processes.currentPid();

  private static List<Path> groups() throws Exception {
    try (var all = Files.walk(Path.of("/sys/fs/cgroup"), 3)) {
      return all.filter(path -> path.endsWith(PATH.substring(1))).toList();
    }
  }

  private static String of(long pid) throws Exception {
    return Files.readString(Path.of("/proc/" + pid + "/cgroup"));
  }

  @Test
  void countsLimitsAndGoes() throws Exception {
    Process process = new ProcessBuilder("sleep", "60").start();
    try (HostCgroup group = HostCgroup.create(PATH)) {
      group.add((int) process.pid());
      assertThat(of(process.pid())).contains(":" + PATH + "\n");
      assertThat(group.limit(256L << 20, 100)).isEmpty();
      String limits = "";
      for (Path directory : groups()) {
        for (String name : List.of("memory.max", "memory.limit_in_bytes", "pids.max")) {
          if (Files.exists(directory.resolve(name))) {
            limits += Files.readString(directory.resolve(name));
          }
        }
      }
      assertThat(limits.lines()).containsExactlyInAnyOrder("268435456", "100");
      process.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
    } finally {
      process.destroyForcibly();
    }
    assertThat(groups()).isEmpty();
  }

  @Test
  void thisProcessLeavesAgain() throws Exception {
    String before = of(ProcessHandle.current().pid());
    try (HostCgroup group = HostCgroup.create(PATH)) {
      group.join();
      assertThat(of(ProcessHandle.current().pid())).contains(":" + PATH + "\n");
    }
    assertThat(of(ProcessHandle.current().pid())).isEqualTo(before);
    assertThat(groups()).isEmpty();
  }

  @Test
  void aPathThatLeavesTheHierarchyIsRefused() {
    for (String path : List.of("casemate", "/../etc", "/a/../b")) {
      assertThatThrownBy(() -> HostCgroup.create(path)).hasMessageContaining(path);
    }
  }
}
