package dev.casemate.containers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Machine;
import dev.casemate.linux.OpenFlag;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.TemplateUse;
import dev.casemate.sandbox.VmOptions;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class ContainerStoreTest {
  @TempDir Path directory;
  private SandboxPaths paths;
  private ContainerStore store;

  @BeforeEach
  void open() {
    paths =
        new SandboxPaths("/run/cm-" + Machine.randomHex(2), directory.resolve("state").toString());
    store = new ContainerStore(paths);
  }

  @AfterEach
  void close() {
    FileTree.removeTree(paths.run());
  }

  private static ContainerConfig config(String id, String name) {
    return new ContainerConfig(
        id,
        name,
        "oci:/image",
        "sha256:00",
        List.of("sh", "-c", "true"),
        1_000,
        false,
        false,
        new RootFs.Erofs("/root.erofs"),
        new VmOptions("qemu", "auto", "/kernel", "/initramfs", 256, 1, 60_000, TemplateUse.NEVER),
        "none",
        List.of(),
        List.of(),
        "TERM",
        10,
        0,
        Map.of("a", "b"));
  }

  private Fd own(String id) {
    FileTree.makeDirectories(paths.sandbox(id), 0700);
    Fd lock = Fs.open(paths.lock(id), OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600);
    assertThat(Fs.lock(lock, true, false)).isTrue();
    return lock;
  }

  @Test
  void findsByNameAndByTheBeginningOfAnId() {
    try (Fd first = own("aa11");
        Fd second = own("aa22")) {
      assertThat(first.isOpen() && second.isOpen()).isTrue();
      ContainerConfig config = config("aa11", "one");
      store.create(config, Spec.EMPTY);
      store.create(config("aa22", "two"), Spec.EMPTY);
      assertThat(store.find("one").config()).isEqualTo(config);
      assertThat(store.find("aa2").config().name()).isEqualTo("two");
      assertThat(store.list()).hasSize(2);
      assertThatThrownBy(() -> store.find("aa")).hasMessageContaining("ambiguous");
      for (String none : List.of("three", "", "../aa11", ".", "aa11/..")) {
        assertThatThrownBy(() -> store.find(none))
            .isInstanceOfSatisfying(
                CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND));
      }
    }
  }

  @Test
  void givesANameToOneContainerOnly() {
    try (Fd lock = own("aa11")) {
      assertThat(lock.isOpen()).isTrue();
      store.create(config("aa11", "one"), Spec.EMPTY);
      assertThatThrownBy(() -> store.create(config("bb22", "one"), Spec.EMPTY))
          .isInstanceOfSatisfying(
              CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.ALREADY_EXISTS))
          .hasMessageContaining("casemate rm -f one");
      assertThat(Fs.exists(paths.container("bb22"))).isFalse();
    }
  }

  /** Several commands want one name in the same instant, a stale one at that: one gets it. */
  @Test
  void givesANameToOneOfManyAtOnce() throws Exception {
    int racers = 6;
    for (int round = 0; round < 20; round++) {
      String name = "raced" + round;
      FileTree.makeDirectories(paths.names(), 0700);
      FileContent.write(paths.names() + "/" + name, "dead".getBytes(StandardCharsets.UTF_8), 0600);
      CyclicBarrier start = new CyclicBarrier(racers);
      AtomicInteger won = new AtomicInteger();
      List<Thread> threads = new ArrayList<>();
      for (int racer = 0; racer < racers; racer++) {
        ContainerConfig config = config("r" + round + "x" + racer, name);
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        start.await();
                        store.create(config, Spec.EMPTY);
                        won.incrementAndGet();
                      } catch (CasemateException e) {
                        assertThat(e.kind()).isEqualTo(Kind.ALREADY_EXISTS);
                      } catch (InterruptedException | BrokenBarrierException e) {
                        throw new IllegalStateException(e);
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(won).as("round %d", round).hasValue(1);
      assertThat(Fs.list(paths.containers())).hasSize(round + 1);
    }
  }

  @Test
  void takesOverANameWhoseContainerIsGone() {
    FileTree.makeDirectories(paths.names(), 0700);
    FileContent.write(paths.names() + "/one", "cc33".getBytes(StandardCharsets.UTF_8), 0600);
    try (Fd lock = own("aa11")) {
      assertThat(lock.isOpen()).isTrue();
      store.create(config("aa11", "one"), Spec.EMPTY);
      assertThat(store.find("one").config().id()).isEqualTo("aa11");
    }
  }

  @Test
  void refusesNamesThatAreNone() {
    for (String name : List.of("", "-x", "a/b", "..", "a b", "ü", "x".repeat(129))) {
      assertThatThrownBy(() -> store.create(config("aa11", name), Spec.EMPTY))
          .isInstanceOfSatisfying(
              CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT));
    }
    assertThat(store.list()).isEmpty();
  }

  @Test
  void buriesWhatDiedWithoutAWord() {
    try (Fd lock = own("aa11")) {
      assertThat(lock.isOpen()).isTrue();
      store.create(config("aa11", "one"), Spec.EMPTY);
      assertThat(store.find("one").state().phase()).isEqualTo(ContainerState.Phase.CREATED);
    }
    ContainerState state = store.find("one").state();
    assertThat(state.phase()).isEqualTo(ContainerState.Phase.EXITED);
    assertThat(state.exitCode()).isEqualTo(255);
    assertThat(Fs.exists(paths.sandbox("aa11"))).isFalse();
    store.remove(store.find("one"));
    assertThat(store.list()).isEmpty();
    assertThat(Fs.list(paths.names())).isEmpty();
  }
}
