package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Spawn;
import dev.casemate.oci.MountSpec;
import dev.casemate.protocol.GuestContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An engine that keeps its mounts to itself, as CRI-O's storage does. */
@Tag("root")
class HostViewTest {
  private static int number;

  @TempDir Path host;
  private String run = "";
  private Shares shares = new Shares("", "");
  private int engine;

  @BeforeEach
  void prepare() throws Exception {
    run = "/run/cv" + Processes.currentPid() % 10_000 + "-" + number++;
    Files.createDirectories(Path.of(run));
    shares = new Shares(run + "/shared", run + "/fs.sock");
    Files.createDirectories(host.resolve("merged"));
    engine =
        engine(
            "mount -t tmpfs tmpfs "
                + host
                + "/merged && mkdir "
                + host
                + "/merged/bin && echo mounted > "
                + host
                + "/merged/file");
  }

  /** A process in a mount namespace of its own, after it has run a script. */
  private int engine(String script) throws Exception {
    Path done = host.resolve("done" + number++);
    int pid;
    try (Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      pid =
          Spawn.program(
                  "/usr/bin/unshare",
                  List.of(
                      "unshare",
                      "-m",
                      "--propagation",
                      "private",
                      "sh",
                      "-c",
                      script + " && touch " + done + " && exec sleep 1000"))
              .environment(List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin"))
              .stdio(nothing, nothing, Fd.STDERR)
              .start();
    }
    for (int i = 0; i < 1000 && !Files.exists(done); i++) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(done).exists();
    return pid;
  }

  @AfterEach
  void end() {
    endEngine();
    shares.close();
    FileTree.removeTree(run);
    assertThat(Mounts.list()).noneMatch(m -> m.target().startsWith(run));
  }

  private void endEngine() {
    if (engine > 0) {
      Processes.killIfExists(engine, Signals.KILL);
      Processes.waitFor(engine, 0);
      engine = 0;
    }
  }

  private Path shared(String guestPath) {
    return Path.of(run + "/shared/mounts" + guestPath.substring(GuestContract.SHARED.length()));
  }

  @Test
  void aRootIsOpenedWhereTheEngineHasMountedIt() {
    try (HostView view = HostView.ofProcess(engine)) {
      Path root = shared(shares.addRoot(host + "/merged", view));
      assertThat(root.resolve("file")).hasContent("mounted\n");
    }
    assertThat(host.resolve("merged")).isEmptyDirectory();
  }

  @Test
  void aViewOutlivesItsProcess() {
    try (HostView view = HostView.ofProcess(engine)) {
      endEngine();
      assertThat(shared(shares.addRoot(host + "/merged", view)).resolve("file")).exists();
    }
  }

  @Test
  void anEmptyRootIsRefusedAndStaysEmpty() {
    assertThatThrownBy(() -> shares.addRoot(host + "/merged", HostView.OWN))
        .isInstanceOfSatisfying(
            CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessageContaining(host + "/merged is empty")
        .hasMessageContaining("mount namespace of the engine");
    assertThat(host.resolve("merged")).isEmptyDirectory();
    assertThatThrownBy(() -> shares.addRoot(host + "/missing", HostView.OWN))
        .isInstanceOfSatisfying(
            CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND))
        .hasMessageContaining("/missing");
  }

  @Test
  void volumesAreThoseThatTheEngineSees() throws IOException {
    SharedSources sources = new SharedSources(shares);
    Files.writeString(host.resolve("merged/file"), "underneath");
    try (HostView view = HostView.ofProcess(engine)) {
      assertThat(view.differs(host + "/merged/file")).isTrue();
      assertThat(view.differs(host.toString())).isFalse();
      assertThat(HostView.OWN.differs(host + "/merged/file")).isFalse();
      ShareMode mode = new ShareMode(true, true, false);
      String engines = sources.add(host + "/merged/file", mode, view);
      String own = sources.add(host + "/merged/file", mode);
      assertThat(shared(engines)).hasContent("mounted\n");
      assertThat(shared(own)).hasContent("underneath");
      assertThat(sources.add(host + "/merged/file", mode, view)).isEqualTo(engines);
      assertThatThrownBy(() -> sources.add(host + "/gone", mode, view))
          .hasMessageContaining("/gone")
          .hasMessageContaining("does not exist");
    }
  }

  @Test
  void anOverlayOfTheEnginesDirectoriesIsMountedOnTheHost() throws IOException {
    Files.createDirectories(host.resolve("second"));
    Files.writeString(host.resolve("second/other"), "lower");
    MountSpec volume =
        MountSpec.of(
            "/image",
            "overlay",
            "overlay",
            "lowerdir=" + host + "/merged:" + host + "/second",
            "private",
            "noexec");
    OverlayVolume overlay = OverlayVolume.of(volume);
    assertThat(overlay.words()).containsExactly("private", "noexec", "ro", "bind");
    int mounts = Mounts.list().size();
    try (HostView view = HostView.ofProcess(engine)) {
      ShareMode mode = ShareMode.of(overlay.words());
      Path image = shared(shares.addOverlay(overlay, "/image", mode, view));
      assertThat(image.resolve("file")).hasContent("mounted\n");
      assertThat(image.resolve("other")).hasContent("lower");
      assertThatThrownBy(() -> Files.writeString(image.resolve("new"), "x"))
          .hasMessageContaining("Read-only");
      assertThatThrownBy(
              () ->
                  shares.addOverlay(
                      OverlayVolume.of(MountSpec.of("/i", "overlay", "", "lowerdir=/no/such")),
                      "/i",
                      mode,
                      view))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("overlay at /i")
          .hasMessageContaining("lowerdir=/no/such");
    }
    assertThat(FileContent.readString("/proc/self/stat", 4096)).as("nothing hides it").isNotEmpty();
    assertThat(Mounts.list().stream().filter(m -> m.target().equals("/proc")).count()).isEqualTo(1);
    assertThat(Mounts.list().size()).isGreaterThan(mounts);
  }

  @Test
  void theLookLeavesThisProcessWhereItIs() {
    String before = FileContent.readString("/proc/self/mountinfo", 16 << 20);
    try (HostView view = HostView.ofProcess(engine)) {
      assertThat(view.look(() -> Fs.exists(host + "/merged/file"))).isTrue();
      assertThatThrownBy(
              () ->
                  view.look(
                      () -> {
                        throw new IllegalStateException("seen too much");
                      }))
          .hasMessage("seen too much");
    }
    assertThat(Fs.exists(host + "/merged/file")).isFalse();
    assertThat(FileContent.readString("/proc/self/mountinfo", 16 << 20)).isEqualTo(before);
    assertThatThrownBy(() -> HostView.ofProcess(999_999_999)).isInstanceOf(LinuxException.class);
  }

  @Test
  void aMountBelowIsNotTakenForAnotherThatALinkLeadsTo() throws Exception {
    Files.createDirectories(host.resolve("volume/a/sub"));
    Files.createDirectories(host.resolve("volume/plain"));
    Mounts.mount("tmpfs", host + "/volume/a/sub", "tmpfs", 0, "size=64k");
    try {
      assertThat(MountsBelow.writable(host + "/volume")).containsExactly("a/sub");
      assertThat(MountsBelow.open(host + "/volume", "a/sub")).isPresent();
      assertThat(MountsBelow.open(host + "/volume", "plain"))
          .as("nothing is mounted there")
          .isEmpty();
      // As a guest that can write there may do after the look.
      Files.move(host.resolve("volume/a"), host.resolve("volume/b"));
      Files.createSymbolicLink(host.resolve("volume/a"), Path.of("/proc"));
      assertThat(MountsBelow.open(host + "/volume", "a/sub")).isEmpty();
      assertThat(MountsBelow.open(host + "/volume", "a/sys")).isEmpty();
      assertThat(MountsBelow.writable(host + "/volume")).containsExactly("b/sub");
    } finally {
      Mounts.unmount(host + "/volume/b/sub", Mounts.DETACH);
    }
  }
}
