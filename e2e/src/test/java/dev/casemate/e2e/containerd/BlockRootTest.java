package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Roots that come as disks, and what only these make possible: checkpoints. */
final class BlockRootTest extends NewestLineCases {
  private static final String COUNT =
      "i=0; while :; do i=$((i+1)); echo $i >> /log; sleep 0.1; done";

  @TempDir Path directory;
  private Path config;

  @BeforeAll
  static void importImages() {
    containerd().withImages();
    containerd().unpack("blockfile");
    containerd().unpack("erofs");
  }

  @BeforeEach
  void writeConfig() throws IOException {
    assumeThat(VM).isTrue();
    config = directory.resolve("casemate.toml");
    Files.writeString(config, "[vm]\nfile_sharing = \"none\"\n");
  }

  private List<String> words(String snapshotter, String... more) {
    List<String> words = new ArrayList<>(List.of("--snapshotter", snapshotter));
    words.addAll(List.of(more));
    return words;
  }

  private String run(String snapshotter, String script) {
    List<String> words = words(snapshotter, "--rm", IMAGE, fresh("root"), "sh", "-c", script);
    return engine().run(words.toArray(new String[0])).ok().out();
  }

  private String counting(String... options) {
    List<String> words = words("blockfile", "--runtime-config-path", config.toString());
    words.addAll(List.of(options));
    String id = detached("count", words, "sh", "-c", COUNT);
    awaitCount(id, 2);
    return id;
  }

  private int count(String id) {
    return script(id, "cat /log")
        .expect(0)
        .out()
        .lines()
        .mapToInt(Integer::parseInt)
        .max()
        .orElse(0);
  }

  private void awaitCount(String id, int least) {
    Wait.until(
        SECONDS,
        () -> "a count of " + least + " in " + id,
        () -> script(id, "test -s /log").exit() == 0 && count(id) >= least);
  }

  @Test
  void aRootThatIsAnImageFile() {
    String out = run("blockfile", "mount; echo written > /file; sync; cat /file; df -k /");
    assertThat(out).containsPattern("/dev/vd. on / type ext4").contains("written\n");
  }

  /** This containerd mounts the layers on the host itself; from 2.2 on they come as disks. */
  @Test
  void aRootOfErofsLayers() {
    assertThat(run("erofs", "echo written > /file; cat /file; ls /bin/sh"))
        .isEqualTo("written\n/bin/sh\n");
  }

  @Test
  void nothingIsSharedWhereThatIsForbidden() {
    String id = counting();
    assertThat(script(id, "mount").expect(0).out()).doesNotContain("virtiofs");
    assertThat(pids("virtiofsd")).isEmpty();
    remove(id);
    List<String> words =
        List.of("--rm", "--runtime-config-path", config.toString(), IMAGE, fresh("no"), "true");
    Result refused = engine().run(words.toArray(new String[0])).run();
    assertThat(refused.exit()).isNotZero();
    assertThat(refused.err()).contains("file_sharing");
  }

  @Test
  void aCheckpointIsTakenAndGoneOnFrom() {
    String id = counting();
    String image = "casemate-tests/checkpoint:" + id;
    try (Running events = ctr("events").start()) {
      ctr("container", "checkpoint", "--task", id, image).ok();
      events.awaitOutput("/tasks/checkpointed", SECONDS);
    }
    int saved = count(id);
    awaitCount(id, saved + 3);
    // The same container twice at a time, and the first is still there.
    String first = fresh("restored");
    ctr("container", "restore", "--live", first, image).ok();
    assertThat(status(first)).isEqualTo("RUNNING");
    awaitCount(first, saved + 3);
    String all = script(first, "cat /log").expect(0).out();
    List<Integer> numbers = all.lines().map(Integer::valueOf).toList();
    for (int i = 0; i < numbers.size(); i++) {
      assertThat(numbers.get(i)).isEqualTo(i + 1);
    }
    long apart =
        Long.parseLong(script(first, "date +%s").expect(0).out().strip())
            - System.currentTimeMillis() / 1000;
    assertThat(apart).isBetween(-3L, 3L);
    remove(id, first);
    String second = fresh("restored");
    ctr("container", "restore", "--live", second, image).ok();
    awaitCount(second, saved + 1);
    remove(second);
    ctr("image", "rm", image).ok();
  }

  @Test
  void theNetworkIsTheNewContainersOwn() {
    Shell.run(
        "ip netns add cmchk && ip link add cmchk0 type veth peer name eth0 netns cmchk"
            + " && ip addr add 10.89.78.1/24 dev cmchk0 && ip link set cmchk0 up"
            + " && ip -n cmchk addr add 10.89.78.2/24 dev eth0 && ip -n cmchk link set eth0 up");
    try {
      String id = counting("--with-ns", "network:/run/netns/cmchk");
      assertThat(script(id, "ip -4 addr show dev eth0").expect(0).out()).contains("10.89.78.2/24");
      String image = "casemate-tests/checkpoint:" + id;
      ctr("container", "checkpoint", "--task", id, image).ok();
      Shell.run("busybox ping -c 1 -W 5 10.89.78.2");
      remove(id);
      String restored = fresh("restored");
      ctr("container", "restore", "--live", restored, image).ok();
      assertThat(script(restored, "ip -4 addr show dev eth0").expect(0).out())
          .contains("10.89.78.2/24");
      Shell.run("busybox ping -c 1 -W 5 10.89.78.2");
      remove(restored);
      ctr("image", "rm", image).ok();
    } finally {
      Shell.result("ip netns del cmchk; ip link del cmchk0");
    }
  }

  @Test
  void whatIsSharedCannotBeSaved() {
    String id = detached("shared", "sleep", "1000");
    Result refused = ctr("container", "checkpoint", "--task", id, "casemate-tests/no:1").run();
    assertThat(refused.exit()).isNotZero();
    assertThat(refused.err()).contains("cannot be checkpointed").contains("file_sharing");
    assertThat(status(id)).isEqualTo("RUNNING");
    remove(id);
  }
}
