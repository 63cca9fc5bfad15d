package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Virtiofsd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Processes;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.GuestContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Shares as virtiofsd has them, in its own mount namespace: what its guest can reach. */
@Tag("root")
class SharesTest {
  private static final int SECONDS = 20;
  private static int number;

  @TempDir Path host;
  private String run = "";
  private Shares shares = new Shares("", "");
  private Optional<Fd> connection = Optional.empty();
  private int daemon;

  @BeforeEach
  void prepare() throws IOException {
    run = "/run/cs" + Processes.currentPid() % 10_000 + "-" + number++;
    Files.createDirectories(Path.of(run));
    shares = new Shares(run + "/shared", run + "/fs.sock");
    Files.createDirectories(host.resolve("directory/below"));
    Files.writeString(host.resolve("file"), "content");
    Mounts.mount("tmpfs", host + "/directory/below", "tmpfs", 0, "size=64k");
  }

  @AfterEach
  void end() {
    connection.ifPresent(Fd::close);
    shares.close();
    Mounts.unmount(host + "/directory/below", Mounts.DETACH);
    FileTree.removeTree(run);
    assertThat(Mounts.list()).noneMatch(m -> m.target().startsWith(run));
    assertThat(Fs.exists(run)).isFalse();
  }

  /** Starts the daemon and has it shut itself in, as it does once a VMM has connected. */
  private void serve() throws Exception {
    Virtiofsd started = shares.serve(true);
    connection = Optional.of(UnixSocket.connect(started.socketPath()));
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (System.nanoTime() < deadline) {
      for (int process : members(started.pid())) {
        List<Mounts.Info> mounts = Mounts.list(process);
        if (mounts.stream().noneMatch(m -> m.target().equals("/proc/sys/kernel"))
            && mounts.stream()
                .anyMatch(m -> m.target().equals("/") && m.source().equals("casemate"))
            && mounts.stream().noneMatch(m -> m.target().startsWith("/run"))) {
          daemon = process;
          return;
        }
      }
      Thread.sleep(10);
    }
    throw new AssertionError("the daemon does not shut itself in: " + started.message());
  }

  private static List<Integer> members(int leader) {
    List<Integer> members = new ArrayList<>(List.of(leader));
    String children =
        FileContent.readString("/proc/" + leader + "/task/" + leader + "/children", 4096);
    for (String child : children.split(" ")) {
      if (!child.isBlank()) {
        members.addAll(members(Integer.parseInt(child.strip())));
      }
    }
    return members;
  }

  private static String name(String guestPath) {
    assertThat(guestPath).startsWith(GuestContract.SHARED + "/");
    return guestPath.substring(GuestContract.SHARED.length());
  }

  /** The options of a mount in the daemon's namespace. */
  private List<String> options(String target) {
    for (Mounts.Info mount : Mounts.list(daemon)) {
      if (mount.target().equals(target)) {
        return List.of(mount.options().split(","));
      }
    }
    return List.of();
  }

  private void has(String target, boolean readOnly) {
    assertThat(options(target))
        .as(target + " in " + Mounts.list(daemon))
        .contains("nosuid", "nodev", readOnly ? "ro" : "rw");
  }

  private Path through(String target) {
    return Path.of("/proc/" + daemon + "/root" + target);
  }

  /** All ways to share, each with what it must be. */
  private void allCombinations(List<Runnable> checks) {
    for (boolean readOnly : List.of(true, false)) {
      for (boolean recursive : List.of(true, false)) {
        for (boolean following : List.of(true, false)) {
          ShareMode mode = new ShareMode(readOnly, recursive, following);
          String directory = name(shares.add(host + "/directory", mode));
          String file = name(shares.add(host + "/file", mode));
          checks.add(
              () -> {
                has(directory, readOnly);
                has(file, readOnly);
                assertThat(options(directory + "/below").isEmpty()).isEqualTo(!recursive);
                if (recursive) {
                  has(directory + "/below", readOnly);
                }
                assertThat(through(file)).hasContent("content");
              });
        }
      }
    }
  }

  @Test
  void everyShareHasItsAttributesInTheDaemonsNamespace() throws Exception {
    List<Runnable> checks = new ArrayList<>();
    allCombinations(checks);
    serve();
    allCombinations(checks);
    checks.forEach(Runnable::run);
  }

  @Test
  void readOnlyIsAboutTheMountItselfUnlessItIsAskedForRecursively() throws Exception {
    serve();
    for (List<String> options :
        List.of(List.of("rbind", "ro"), List.of("rbind", "rro"), List.of("rbind", "rw"))) {
      String directory = name(shares.add(host + "/directory", ShareMode.of(options)));
      has(directory, !options.contains("rw"));
      has(directory + "/below", options.contains("rro"));
    }
    String alone = name(shares.add(host + "/directory", ShareMode.of(List.of("bind", "ro"))));
    has(alone, true);
    assertThat(options(alone + "/below")).isEmpty();
    String whole =
        name(shares.add(host + "/directory", ShareMode.of(List.of("rbind", "ro")).whole()));
    has(whole + "/below", true);
  }

  @Test
  void aShareWithIdMapsIsMappedInTheDaemonsNamespace() throws Exception {
    serve();
    MountIds ids = MountIds.parse("0:65536:10", "0:70000:10");
    String mapped = name(shares.add(host + "/directory", ShareMode.ROOT.withIds(ids)));
    String plain = name(shares.add(host + "/directory", ShareMode.ROOT));
    assertThat(Fs.stat(through(mapped).toString()).uid()).isEqualTo(65536);
    assertThat(Fs.stat(through(mapped).toString()).gid()).isEqualTo(70000);
    assertThat(Fs.stat(through(mapped) + "/below").uid()).isZero();
    assertThat(Fs.stat(through(plain).toString()).uid()).isZero();
  }

  @Test
  void whatIsReadOnlyCannotBeWrittenThroughTheDaemonsMounts() throws Exception {
    String before = name(shares.add(host + "/file", new ShareMode(true, true, false)));
    serve();
    String after = name(shares.add(host + "/file", new ShareMode(true, false, false)));
    String writable = name(shares.add(host + "/file", new ShareMode(false, true, false)));
    for (String name : List.of(before, after)) {
      assertThatThrownBy(() -> Files.writeString(through(name), "x"))
          .hasMessageContaining("Read-only");
    }
    assertThat(host.resolve("file")).hasContent("content");
    Files.writeString(through(writable), "written");
    assertThat(host.resolve("file")).hasContent("written");
  }

  @Test
  void theDirectoryItselfIsReadOnlyForTheDaemon() throws Exception {
    serve();
    assertThat(options("/")).contains("ro", "nosuid", "nodev", "noexec");
    String next = through("/0").toString();
    for (Runnable plant :
        List.<Runnable>of(
            () -> Fs.makeFifo(next, 0600),
            () -> Fs.makeDirectory(next, 0700),
            () -> FileContent.write(next, new byte[0], 0600),
            () -> Links.symlink("/etc/shadow", next))) {
      assertThatThrownBy(plant::run)
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("read-only");
    }
    String shared = name(shares.add(host + "/file", new ShareMode(false, true, false)));
    assertThat(shared).isEqualTo("/0");
    assertThat(through(shared)).hasContent("content");
  }

  @Test
  void mountPointsAndTheirFileSystemAreBounded() throws Exception {
    shares.add(host + "/file", ShareMode.ROOT);
    serve();
    assertThat(FileSystem.of(run + "/shared/mounts").sizeBytes()).isEqualTo(64 << 10);
    List<Mounts.Info> own = new ArrayList<>(Mounts.list());
    own.removeIf(m -> !m.target().equals(run + "/shared/mounts"));
    assertThat(own).singleElement().satisfies(m -> assertThat(m.fstype()).isEqualTo("tmpfs"));
  }

  @Test
  void whatIsPlantedAtAMountPointIsNeitherFollowedNorKept() {
    shares.add(host + "/file", ShareMode.ROOT);
    // As if a guest could still write there.
    Path victim = host.resolve("victim");
    FileContent.write(victim.toString(), "important".getBytes(), 0600);
    Links.symlink(victim.toString(), run + "/shared/mounts/1");
    Fs.makeFifo(run + "/shared/mounts/2", 0600);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> shares.add(host + "/file", ShareMode.ROOT))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("file exists");
    }
    assertThat(victim).hasContent("important");
    assertThat(name(shares.add(host + "/file", ShareMode.ROOT))).isEqualTo("/3");
  }

  @Test
  @Timeout(SECONDS)
  void fifosDevicesAndLinksAreSharedWithoutBeingOpened() throws Exception {
    serve();
    Fs.makeFifo(host + "/fifo", 0600);
    Fs.makeNode(host + "/device", 0020600, 10, 130);
    Links.symlink(host + "/fifo", host + "/link");
    for (String path : List.of("/fifo", "/device", "/link")) {
      String guestPath = shares.add(host + path, ShareMode.ROOT);
      has(name(guestPath), false);
      shares.remove(guestPath);
      assertThat(options(name(guestPath))).isEmpty();
    }
  }

  @Test
  void aFailureLeavesNoMountAndNoFile() throws Exception {
    serve();
    int mounts = Mounts.list().size();
    int inside = Mounts.list(daemon).size();
    assertThatThrownBy(() -> shares.add(host + "/missing", ShareMode.ROOT))
        .hasMessageContaining("/missing")
        .hasMessageContaining("does not exist");
    assertThatThrownBy(
            () ->
                shares.addMount(
                    place -> {
                      Mounts.mount("tmpfs", place, "tmpfs", 0, "size=64k");
                      throw new IllegalStateException("the second mount failed");
                    }))
        .hasMessageContaining("second");
    assertThatThrownBy(() -> shares.add("/proc/self/ns/mnt", ShareMode.ROOT))
        .isInstanceOf(CasemateException.class);
    assertThat(Fs.list(run + "/shared/mounts")).isEmpty();
    assertThat(Fs.list(run + "/shared/places")).isEmpty();
    assertThat(Mounts.list()).hasSize(mounts);
    assertThat(Mounts.list(daemon)).hasSize(inside);
  }

  @Test
  void aRootIsMountedOutOfSightAndSharedWithAttributes() throws Exception {
    serve();
    int before = Mounts.list(daemon).size();
    String root =
        shares.addMount(
            place -> {
              assertThat(Fs.list(run + "/shared/places")).hasSize(1);
              Mounts.mount("tmpfs", place, "tmpfs", 0, "size=64k");
              Fs.makeDirectory(place + "/below", 0755);
              Mounts.mount("tmpfs", place + "/below", "tmpfs", Mounts.RDONLY, "size=64k");
              assertThat(Mounts.list(daemon)).hasSize(before);
            });
    has(name(root), false);
    has(name(root) + "/below", true);
    assertThat(Fs.list(run + "/shared/places")).isEmpty();
    shares.remove(root);
    assertThat(options(name(root))).isEmpty();
    assertThat(Fs.list(run + "/shared/mounts")).isEmpty();
  }

  @Test
  void laterMountsOfTheHostArriveOnlyWhereTheyAreAskedForAndNeverInAReadOnlyShare()
      throws Exception {
    Path volume = host.resolve("volume");
    Files.createDirectories(volume.resolve("late"));
    Mounts.mount(volume.toString(), volume.toString(), "", Mounts.BIND, "");
    Mounts.mount("", volume.toString(), "", Mounts.SHARED, "");
    try {
      serve();
      String plain = late(volume, "rbind", "rprivate");
      String following = late(volume, "rbind", "rslave");
      String readOnly = late(volume, "rbind", "ro", "rslave");
      Mounts.mount("tmpfs", volume + "/late", "tmpfs", 0, "size=64k");
      assertThat(options(plain)).isEmpty();
      assertThat(options(readOnly)).isEmpty();
      assertThat(options(following)).contains("rw");
      Mounts.unmount(volume + "/late", Mounts.DETACH);
      assertThat(options(following)).isEmpty();
    } finally {
      Mounts.unmount(volume.toString(), Mounts.DETACH);
    }
  }

  private String late(Path volume, String... options) {
    return name(shares.add(volume.toString(), ShareMode.of(List.of(options)))) + "/late";
  }

  @Test
  void aShareOfAllHoldsNoOtherShare() throws Exception {
    serve();
    shares.add(host + "/file", ShareMode.ROOT);
    String all = name(shares.add("/run", new ShareMode(false, true, false)));
    assertThat(Mounts.list(daemon))
        .noneMatch(m -> m.target().startsWith(all + run.substring("/run".length())));
    assertThat(through(all + run.substring("/run".length()) + "/shared")).isEmptyDirectory();
  }

  @Test
  void nothingIsSharedOnceItIsClosed() {
    shares.close();
    assertThatThrownBy(() -> shares.add(host + "/file", ShareMode.ROOT))
        .hasMessageContaining("shutting down");
    assertThat(Fs.exists(run + "/shared/mounts")).isFalse();
  }
}
