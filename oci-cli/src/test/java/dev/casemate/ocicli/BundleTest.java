package dev.casemate.ocicli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BundleTest {
  @TempDir Path bundle;

  @BeforeEach
  void makeRoot() throws Exception {
    Files.createDirectory(bundle.resolve("rootfs"));
  }

  private void config(String text) throws Exception {
    Files.writeString(bundle.resolve("config.json"), text);
  }

  private CasemateException failure() {
    try {
      Bundle.read(bundle.toString());
    } catch (CasemateException e) {
      return e;
    }
    throw new AssertionError("the bundle was read");
  }

  @Test
  void unknownFieldsAreIgnored() throws Exception {
    config(
        "{\"ociVersion\":\"1.2.0\",\"future\":{\"a\":[1]},\"process\":{\"new\":1,\"args\":[\"a\"]}}");
    assertThat(Bundle.read(bundle.toString()).process().orElseThrow().args()).containsExactly("a");
  }

  @Test
  void aWrongTypeIsToldWithTheFieldAndTheFile() throws Exception {
    config("{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":\"sh\"}}");
    assertThat(failure())
        .hasMessageContaining("config.json: JSON field \"process.args\" is a string")
        .hasMessageContaining("expected an array");
  }

  @Test
  void theVersionIsChecked() throws Exception {
    config("{}");
    assertThat(failure()).hasMessageContaining("no ociVersion");
    config("{\"ociVersion\":\"2.0.0\"}");
    assertThat(failure()).hasMessageContaining("\"2.0.0\"");
  }

  @Test
  void missingFilesAndRootsAreTold() throws Exception {
    assertThat(failure().kind()).isEqualTo(Kind.NOT_FOUND);
    assertThat(failure()).hasMessageContaining("config.json not found");
    config("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"none\"}}");
    assertThat(failure()).hasMessageContaining("invalid rootfs").hasMessageContaining("/none");
    Files.createFile(bundle.resolve("none"));
    assertThat(failure()).hasMessageContaining("is not a directory");
  }

  @Test
  void whatIsNoFileIsNotReadFrom() throws Exception {
    Process fifo = new ProcessBuilder("mkfifo", bundle + "/config.json").start();
    assertThat(fifo.waitFor()).isZero();
    assertThat(failure()).hasMessageContaining("is not a regular file");
  }

  @Test
  void aHundredMegabytesAreRefusedUnread() throws Exception {
    try (RandomAccessFile file = new RandomAccessFile(bundle + "/config.json", "rw")) {
      file.setLength(100 << 20);
    }
    long before = System.nanoTime();
    assertThat(failure()).hasMessageContaining("104857600 bytes").hasMessageContaining("16 MiB");
    assertThat(System.nanoTime() - before).isLessThan(10_000_000_000L);
  }

  @Test
  void deepNestingIsAnErrorAndNoOverflow() throws Exception {
    config("{\"ociVersion\":\"1.2.0\",\"a\":" + "[".repeat(100_000));
    assertThat(failure()).hasMessageContaining("nested deeper than");
  }

  @Test
  void aFileThatChangesWhileItIsReadIsRefused() throws Exception {
    String one = "{\"ociVersion\":\"1.2.0\",\"hostname\":\"" + "x".repeat(3_000_000) + "\"}";
    String two = one.replace('x', 'y');
    config(one);
    AtomicBoolean go = new AtomicBoolean(true);
    Thread writer =
        Thread.ofPlatform()
            .start(
                () -> {
                  try (RandomAccessFile file =
                      new RandomAccessFile(bundle + "/config.json", "rw")) {
                    for (int i = 0; go.get(); i++) {
                      file.seek(0);
                      file.writeBytes(i % 2 == 0 ? two : one);
                    }
                  } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
    try {
      int refused = 0;
      for (int i = 0; i < 20; i++) {
        try {
          // One write in the same tick of the kernel's clock may stay unseen; what is read is used.
          assertThat(Bundle.read(bundle.toString()).hostname()).hasSize(3_000_000);
        } catch (CasemateException e) {
          assertThat(e).hasMessageContaining("changed while it was read");
          refused++;
        }
      }
      assertThat(refused).isPositive();
    } finally {
      go.set(false);
      writer.join();
    }
  }

  @Test
  void pathsAreMadeAbsolute() {
    assertThat(Paths.absolute("/a/./b//../c/")).isEqualTo("/a/c");
    assertThat(Paths.absolute("/../..")).isEqualTo("/");
    assertThat(Paths.absolute("x")).isEqualTo(Path.of("").toAbsolutePath() + "/x");
  }

  @Test
  void controlGroupsOfAnExecStayBelowTheContainersAndAreNamedOnce() {
    assertThat(ExecCommand.subgroups(List.of())).isEmpty();
    assertThat(ExecCommand.subgroups(List.of("a/b"))).isEqualTo(Map.of("", "a/b"));
    assertThat(ExecCommand.subgroups(List.of("cpu,memory:sub", "pids:p")))
        .isEqualTo(Map.of("cpu", "sub", "memory", "sub", "pids", "p"));
    for (List<String> wrong :
        List.of(
            List.of(".."),
            List.of("cpu:a/../.."),
            List.of("a", "b"),
            List.of(":a"),
            List.of("cpu:a", "cpu:b"))) {
      assertThatThrownBy(() -> ExecCommand.subgroups(wrong))
          .hasMessageContaining("invalid --cgroup argument: ");
    }
  }
}
