package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.cgroup.Cgroup;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.DeviceSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Spec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Builds real roots, in a thread that has a mount namespace of its own. */
@Tag("root")
class RootfsTest {
  @TempDir Path bundle;

  private interface Work {
    void run() throws IOException;
  }

  private static void inNamespace(Work work) {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                Processes.unshare(Processes.CLONE_NEWNS);
                Mounts.mount("", "/", "", Mounts.PRIVATE | Mounts.REC, "");
                work.run();
              } catch (Throwable e) {
                failure.set(e);
              }
            });
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    if (failure.get() != null) {
      throw new AssertionError(failure.get());
    }
  }

  private Spec spec(List<MountSpec> more) {
    Spec spec =
        DefaultSpec.container(
            "rootfs", "box", ProcessSpec.of(List.of("sh"), List.of(), "/desk/deep"));
    List<MountSpec> mounts = new ArrayList<>(spec.mounts());
    mounts.addAll(more);
    return spec.withMounts(mounts);
  }

  private Rootfs build(Spec spec) {
    ContainerConfig config =
        new ContainerConfig("test", bundle.toString(), spec, Cgroup.none(), false);
    Fd[] engine = UnixSocket.pair();
    Rootfs rootfs =
        Rootfs.open(config, Namespaces.of(spec.linux()), new Outside(new SyncChannel(engine[1])));
    rootfs.mount();
    engine[0].close();
    engine[1].close();
    rootfs.makeWorkingDirectory(spec.process().orElseThrow().cwd());
    rootfs.protect();
    return rootfs;
  }

  private String root() {
    return bundle + "/rootfs";
  }

  private String options(String path) {
    String target = root() + path;
    String options = "";
    String mountinfo = FileContent.readString("/proc/thread-self/mountinfo", 1 << 20);
    for (String line : mountinfo.split("\n", -1)) {
      String[] fields = line.split(" ", -1);
      if (fields.length > 5 && fields[4].equals(target)) {
        options = fields[5];
      }
    }
    return options;
  }

  @Test
  void aPlainContainersRootHasWhatItShouldHave() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs/proc"));
    inNamespace(
        () -> {
          build(spec(List.of()));
          assertThat(Links.readLink(root() + "/dev/fd")).isEqualTo("/proc/self/fd");
          assertThat(Links.readLink(root() + "/dev/ptmx")).isEqualTo("pts/ptmx");
          Stat random = Fs.lstat(root() + "/dev/random");
          assertThat(random.type()).isEqualTo(Stat.CHARACTER);
          assertThat(random.deviceMinor()).isEqualTo(8);
          assertThat(options("/proc")).contains("nosuid").contains("nodev").contains("noexec");
          assertThat(options("/sys")).startsWith("ro,");
          assertThat(options("/proc/sys")).startsWith("ro,");
          assertThat(Fs.lstat(root() + "/dev/shm").permissions()).isEqualTo(01777);
          Stat masked = Fs.lstat(root() + "/proc/interrupts");
          assertThat(masked.type()).isEqualTo(Stat.CHARACTER);
          assertThat(Fs.list(root() + "/sys/firmware")).isEmpty();
          assertThat(Fs.stat(root() + "/desk/deep").isDirectory()).isTrue();
          assertThat(Fs.exists(root() + "/sys/fs/cgroup")).isTrue();
        });
  }

  @Test
  void bindsFollowTheContainersLinksNotTheHosts() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs/etc"));
    Files.createDirectories(bundle.resolve("data/below"));
    Files.writeString(bundle.resolve("data/file"), "content");
    Files.createSymbolicLink(bundle.resolve("rootfs/var"), Path.of("/../../../private/var"));
    Files.createSymbolicLink(bundle.resolve("rootfs/etc/resolv.conf"), Path.of("../run/resolv"));
    inNamespace(
        () -> {
          Mounts.mount("tmpfs", bundle + "/data/below", "tmpfs", 0, "");
          build(
              spec(
                  List.of(
                      MountSpec.of("/var/lib/data", "bind", bundle + "/data", "rbind", "rro"),
                      MountSpec.of("/plain", "bind", "data", "bind", "ro", "nosuid"),
                      MountSpec.of("/etc/resolv.conf", "bind", "data/file", "bind", "ro"))));
          assertThat(FileContent.readString(root() + "/private/var/lib/data/file", 100))
              .isEqualTo("content");
          assertThat(options("/private/var/lib/data")).startsWith("ro,");
          assertThat(options("/private/var/lib/data/below")).startsWith("ro,");
          assertThat(options("/plain")).startsWith("ro,").contains("nosuid");
          assertThat(options("/plain/below")).isEmpty();
          assertThat(FileContent.readString(root() + "/run/resolv", 100)).isEqualTo("content");
        });
    assertThat(Files.exists(bundle.resolve("rootfs/private/var/lib/data"))).isTrue();
    assertThat(Files.exists(Path.of("/private"))).isFalse();
  }

  @Test
  void aTmpfsTakesOverTheDirectory() throws IOException {
    Path secret = Files.createDirectories(bundle.resolve("rootfs/srv/inner")).resolve("f");
    Files.writeString(secret, "text");
    Files.createSymbolicLink(bundle.resolve("rootfs/srv/link"), Path.of("inner"));
    Fs.chmod(bundle.resolve("rootfs/srv").toString(), 0751);
    inNamespace(
        () -> {
          build(
              spec(
                  List.of(
                      MountSpec.of("/srv", "tmpfs", "tmpfs", "tmpcopyup", "ro"),
                      MountSpec.of("/new", "tmpfs", "tmpfs", "size=4096k", "mode=1700"))));
          assertThat(FileContent.readString(root() + "/srv/inner/f", 100)).isEqualTo("text");
          assertThat(Links.readLink(root() + "/srv/link")).isEqualTo("inner");
          assertThat(Fs.stat(root() + "/srv").permissions()).isEqualTo(0751);
          assertThat(options("/srv")).startsWith("ro,");
          assertThat(Fs.stat(root() + "/new").permissions()).isEqualTo(01700);
        });
  }

  @Test
  void whatIsReadOnlyTakesItsMountPointsAndDevicesFirst() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs"));
    Spec plain = spec(List.of(MountSpec.of("/t", "tmpfs", "tmpfs", "ro")));
    List<MountSpec> mounts = new ArrayList<>(plain.mounts());
    mounts.add(MountSpec.of("/t/in/it", "tmpfs", "tmpfs"));
    mounts.replaceAll(
        mount ->
            mount.destination().equals("/dev")
                ? MountSpec.of("/dev", "tmpfs", "tmpfs", "nosuid", "ro", "mode=755")
                : mount);
    inNamespace(
        () -> {
          build(plain.withMounts(mounts));
          assertThat(options("/t")).startsWith("ro,");
          assertThat(options("/t/in/it")).startsWith("rw,");
          assertThat(options("/dev")).startsWith("ro,nosuid,");
          assertThat(Fs.lstat(root() + "/dev/null").type()).isEqualTo(Stat.CHARACTER);
          assertThat(Fs.exists(root() + "/dev/pts/ptmx")).isTrue();
        });
  }

  @Test
  void aDestinationMayBeginWithThePathOfTheRoot() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs"));
    inNamespace(
        () -> {
          build(spec(List.of(MountSpec.of(root() + "/t", "tmpfs", "tmpfs", "ro"))));
          assertThat(options("/t")).startsWith("ro,");
        });
  }

  @Test
  void devicesOfTheSpecAreMade() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs"));
    Spec plain = spec(List.of());
    Json.Obj linux = plain.linux().toJson();
    linux.putObjects(
        "devices",
        List.of(
            DeviceSpec.of("/dev/deep/kmsg", "c", 1, 11, 0640).toJson().put("gid", 7),
            DeviceSpec.of("/dev/pipe", "p", 0, 0, 0600).toJson()));
    Spec spec = plain.withLinux(dev.casemate.oci.LinuxSpec.fromJson(linux));
    inNamespace(
        () -> {
          build(spec);
          Stat kmsg = Fs.lstat(root() + "/dev/deep/kmsg");
          assertThat(kmsg.deviceMinor()).isEqualTo(11);
          assertThat(kmsg.gid()).isEqualTo(7);
          assertThat(Fs.lstat(root() + "/dev/pipe").type()).isEqualTo(Stat.FIFO);
        });
  }

  /** CVE-2025-52565's other side: the mount must not follow what the image has at /dev/console. */
  @Test
  void theTerminalIsNeverMountedThroughALinkOfTheImageNorInProc() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs/dev"));
    Files.createDirectories(bundle.resolve("rootfs/real"));
    Files.createDirectories(bundle.resolve("rootfs/proc"));
    Files.writeString(bundle.resolve("rootfs/victim"), "keep");
    Path console = bundle.resolve("rootfs/dev/console");
    Path dev = bundle.resolve("rootfs/dev");
    inNamespace(
        () -> {
          try (Fd root = Fs.open(root(), OpenFlag.PATH | OpenFlag.DIRECTORY);
              Fd terminal = Fs.open("/dev/null", OpenFlag.PATH)) {
            RootPaths paths = new RootPaths(root);
            Mounts.mount("proc", root() + "/proc", "proc", 0, "");
            String before = FileContent.readString("/proc/thread-self/mountinfo", 1 << 20);
            for (String target :
                List.of(
                    "/proc/sys/kernel/core_pattern",
                    "/proc/self/fd/" + terminal.number(),
                    "../victim",
                    "/missing",
                    "console")) {
              Files.createSymbolicLink(console, Path.of(target));
              assertThat(consoleFailure(terminal, paths))
                  .as(target)
                  .contains("/dev/console is a symbolic link in the image")
                  .contains("mount a tmpfs on /dev");
              Files.delete(console);
            }
            Files.delete(dev);
            for (String target : List.of("/proc", "/proc/self", "real")) {
              Files.createSymbolicLink(dev, Path.of(target));
              assertThat(consoleFailure(terminal, paths)).as(target).contains("symbolic link");
              Files.delete(dev);
            }
            // A directory of the image that a /proc is mounted on.
            Files.createDirectories(dev);
            Mounts.mount(root() + "/proc", dev.toString(), "", Mounts.BIND, "");
            assertThat(consoleFailure(terminal, paths)).isNotEmpty();
            Mounts.unmount(dev.toString(), 0);
            assertThat(FileContent.readString("/proc/thread-self/mountinfo", 1 << 20))
                .isEqualTo(before);
            assertThat(Fs.exists(root() + "/missing")).isFalse();
            assertThat(Fs.exists(root() + "/real/console")).isFalse();
            // What is no link is mounted on, and made where it is missing.
            for (int round = 0; round < 2; round++) {
              Terminals.bindConsole(terminal, paths);
              assertThat(Fs.lstat(console.toString()).type()).isEqualTo(Stat.CHARACTER);
              Mounts.unmount(console.toString(), 0);
            }
          }
        });
    assertThat(Files.readString(bundle.resolve("rootfs/victim"))).isEqualTo("keep");
  }

  private static String consoleFailure(Fd terminal, RootPaths paths) {
    try {
      Terminals.bindConsole(terminal, paths);
      return "";
    } catch (CasemateException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void aDeviceIsNeverBoundInProc() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs/proc"));
    Files.createDirectories(bundle.resolve("rootfs/dev"));
    Files.createSymbolicLink(
        bundle.resolve("rootfs/dev/null"), Path.of("/proc/sys/kernel/core_pattern"));
    inNamespace(
        () -> {
          Mounts.mount("proc", root() + "/proc", "proc", 0, "");
          try (Fd root = Fs.open(root(), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
            assertThatThrownBy(
                    () ->
                        new DeviceNodes(new RootPaths(root), true, number -> Optional.empty())
                            .make(List.of(DeviceSpec.of("/dev/null", "c", 1, 3, 0666))))
                .isInstanceOf(CasemateException.class)
                .hasMessageContaining("/dev/null is inside of a /proc");
          }
        });
  }

  @Test
  void mistakesAreSaidWithTheKernelsReason() throws IOException {
    Files.createDirectories(bundle.resolve("rootfs"));
    inNamespace(
        () -> {
          assertThat(message(MountSpec.of("/x", "tmpfs", "tmpfs", "size=lots")))
              .contains("/x")
              .contains("size=lots");
          assertThat(message(MountSpec.of("/x", "nofs", "none"))).contains("nofs");
          assertThat(message(MountSpec.of("/x", "bind", "/no/such", "bind")))
              .isEqualTo("bind source path does not exist: /no/such; create it");
          assertThat(message(MountSpec.of("/", "tmpfs", "tmpfs"))).contains("root.path");
        });
  }

  private String message(MountSpec mount) {
    try {
      build(spec(List.of(mount)));
      return "";
    } catch (dev.casemate.base.CasemateException e) {
      return String.valueOf(e.getMessage());
    } catch (LinuxException e) {
      throw new AssertionError("not put into words", e);
    }
  }
}
