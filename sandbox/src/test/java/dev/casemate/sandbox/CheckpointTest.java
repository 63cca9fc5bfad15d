package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.protocol.containerd.Mount;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A container that is saved with its VM, and goes on in another. */
@Tag("vm")
class CheckpointTest {
  /** Counts in memory and in a file, and says what it finds. */
  private static final String COUNT =
      "i=0; while :; do i=$((i+1)); echo $i > /count; echo tick $i $(cat /count); sleep 0.1; done";

  @TempDir Path directory;

  private Path image() throws Exception {
    Path tree = Files.createDirectories(directory.resolve("tree"));
    Path root = TestPod.root(tree);
    Path image = directory.resolve("image.ext4");
    Files.createFile(image);
    Shell.program("/usr/bin/truncate", "-s", "64M", image.toString());
    Shell.program("/usr/sbin/mkfs.ext4", "-q", "-d", root.toString(), image.toString());
    return image;
  }

  private static List<Mount> mounts(Path image) {
    return List.of(
        Mount.builder()
            .type("ext4")
            .source(image.toString())
            .options(List.of("loop", "rw"))
            .build());
  }

  private static TestPod.Running start(TestPod pod, Path image) throws Exception {
    pod.sandbox.awaitBoot();
    Optional<RootPlan> root = pod.sandbox.vm().volumes().root("one", mounts(image));
    return pod.start(
        "one",
        TestPod.spec(COUNT, List.of(), new Json.Obj()),
        root,
        new NamespaceScope(true, NamespaceScope.Pids.OWN));
  }

  private static int last(TestPod.Running running) {
    List<String> ticks = running.output().lines().filter(l -> l.startsWith("tick ")).toList();
    return ticks.isEmpty() ? 0 : Integer.parseInt(ticks.getLast().split(" ")[1]);
  }

  private static void awaitTick(TestPod.Running running, int tick) {
    Wait.until(30, () -> "tick " + tick + ": " + running.output(), () -> last(running) >= tick);
  }

  @Test
  void goesOnWhereItWasAsOftenAsWanted() throws Exception {
    Path original = image();
    Path used = Files.copy(original, directory.resolve("used.ext4"));
    String saved = Files.createDirectory(directory.resolve("checkpoint")).toString();
    int seen;
    try (TestPod pod = new TestPod(directory.resolve("a"), Optional.empty(), 4, false)) {
      TestPod.Running running = start(pod, used);
      awaitTick(running, 3);
      pod.sandbox.checkpoint(running.container(), saved, true);
      seen = last(running);
      // The original goes on, and what it writes is its own.
      awaitTick(running, seen + 10);
      pod.stop(running);
    }
    for (int turn = 0; turn < 2; turn++) {
      Path fresh = directory.resolve("fresh.ext4");
      Files.copy(original, fresh, StandardCopyOption.REPLACE_EXISTING);
      Path place = directory.resolve("b" + turn);
      try (TestPod pod = new TestPod(place, saved, mounts(fresh))) {
        VmRestore checkpoint = pod.checkpoint.orElseThrow();
        TestPod.Running running = pod.adopt("two", checkpoint);
        // Frozen until it is started.
        TimeUnit.MILLISECONDS.sleep(500);
        assertThat(running.container().init().running()).isFalse();
        pod.sandbox.execute(running.container());
        awaitTick(running, seen + 5);
        List<String> ticks = running.output().lines().toList();
        // Nothing is said twice and nothing left out.
        for (int i = 0; i < 4; i++) {
          int tick = Integer.parseInt(ticks.getFirst().split(" ")[1]) + i;
          assertThat(ticks.get(i)).isEqualTo("tick " + tick + " " + tick);
        }
        assertThat(ticks.getFirst()).isEqualTo("tick " + (seen + 1) + " " + (seen + 1));
        pod.stop(running);
        assertThat(pod.warnings).isEmpty();
      }
    }
  }

  @Test
  void endsWithItsCheckpointIfWanted() throws Exception {
    Path image = image();
    String saved = Files.createDirectory(directory.resolve("checkpoint")).toString();
    try (TestPod pod = new TestPod(directory.resolve("a"), Optional.empty(), 4, false)) {
      TestPod.Running running = start(pod, image);
      awaitTick(running, 1);
      pod.sandbox.checkpoint(running.container(), saved, false);
      running.end();
      assertThat(running.container().init().exitStatus()).isEqualTo(137);
      assertThat(VmCheckpoint.read(saved).disks()).hasSize(1);
    }
  }

  @Test
  void whatCannotBeSavedOrDoesNotFitIsRefused() throws Exception {
    Path image = image();
    String saved = Files.createDirectory(directory.resolve("checkpoint")).toString();
    try (TestPod pod = new TestPod(directory.resolve("a"), Optional.empty(), 4, false)) {
      TestPod.Running running = start(pod, image);
      awaitTick(running, 1);
      assertThatThrownBy(() -> pod.sandbox.checkpoint(running.container(), "/dev/null/no", true))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("cannot be written");
      int now = last(running);
      awaitTick(running, now + 3);
      pod.sandbox.checkpoint(running.container(), saved, true);
      assertThatThrownBy(
              () ->
                  pod.sandbox
                      .vm()
                      .volumes()
                      .prepare(
                          "other",
                          dev.casemate.oci.Spec.fromJson(
                              TestPod.spec(
                                  "true", List.of(TestPod.bind(directory, "/x")), new Json.Obj()))))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("file_sharing");
      pod.stop(running);
    }
    Path small = Files.write(directory.resolve("small"), new byte[1 << 20]);
    unfit(saved, mounts(small), "has 1048576 bytes");
    unfit(saved, List.of(), "its root had 1 disks");
    Path record = Path.of(saved, "casemate.json");
    String text = Files.readString(record);
    Files.writeString(
        record, text.replaceAll("\"memoryMib\" *: *[0-9]+", "\"memoryMib\": 99999999"));
    unfit(saved, mounts(image), "this node allows");
    Files.writeString(record, text.replaceAll("\"kernelBytes\" *: *[0-9]+", "\"kernelBytes\": 1"));
    unfit(saved, mounts(image), "it was made with a guest kernel other than");
    Files.delete(record);
    unfit(saved, mounts(image), "it is not a checkpoint of a VM made by Casemate");
  }

  private static void unfit(String directory, List<Mount> rootfs, String words) {
    assertThatThrownBy(
            () -> VmRestore.of(directory, rootfs, TestPod.config("no", Optional.empty(), 4, false)))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining(words);
  }
}
