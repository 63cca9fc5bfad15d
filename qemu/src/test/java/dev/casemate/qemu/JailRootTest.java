package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.jail.Jail;
import dev.casemate.jail.JailLimits;
import dev.casemate.jail.JailRoot;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the root directory of a jail holds, seen from the host while a program is in it. */
class JailRootTest {
  @TempDir private Path directory;
  private Probe probe;

  @BeforeEach
  void compile() {
    probe = new Probe(directory);
  }

  /** Starts a program in a jail with this root, and looks at a path of the jail. */
  private Seen look(JailRoot root, String path) throws IOException {
    String run = Files.createDirectories(directory.resolve("run")).toString();
    Jail jail =
        Jail.full(
            run,
            root.program(probe.binary(), List.of()),
            TestGuest.USER,
            new JailLimits(1 << 20, 64),
            Optional.empty());
    try (Probe.Running running = probe.start(jail, "hold")) {
      assertThat(running.line()).isEqualTo("holding");
      String place = "/proc/" + running.pid() + "/root" + path;
      Stat stat = Fs.lstat(place);
      return new Seen(stat, stat.isRegular() ? Files.readString(Path.of(place)) : "");
    }
  }

  private record Seen(Stat stat, String content) {}

  @Test
  void aDeviceNodeIsTheUsersOwn() throws IOException {
    Stat host = Fs.stat("/dev/null");
    Stat own = look(new JailRoot().device("/dev/null"), "/dev/null").stat();
    assertThat(own.type()).isEqualTo(Stat.CHARACTER);
    assertThat(own.deviceMajor()).isEqualTo(host.deviceMajor());
    assertThat(own.deviceMinor()).isEqualTo(host.deviceMinor());
    assertThat(own.uid()).isEqualTo(TestGuest.USER.uid());
    assertThat(own.gid()).isEqualTo(TestGuest.USER.gid());
    assertThat(own.permissions()).isEqualTo(0600);
    assertThat(Fs.stat("/dev/null")).isEqualTo(host);
  }

  @Test
  void sharedMemoryHasAFileSystemOfLargePagesThatIsTheUsersOwn() throws IOException {
    String run = Files.createDirectories(directory.resolve("run")).toString();
    VmConfig config =
        VmConfig.builder("v", run)
            .kernel("/k")
            .memoryMib(8)
            .sharedMemory(true)
            .jail(Optional.of(TestGuest.USER))
            .build();
    MemoryFiles files =
        MemoryFiles.of(config, new Accelerator(Accelerator.Kind.KVM, ""), false).orElseThrow();
    JailRoot root = new JailRoot().program(probe.binary(), List.of());
    files.addTo(root);
    JailLimits limits = new JailLimits(1 << 20, 64);
    try (files;
        Probe.Running running =
            probe.start(Jail.full(run, root, TestGuest.USER, limits, Optional.empty()), "hold")) {
      assertThat(running.line()).isEqualTo("holding");
      Stat stat = Fs.lstat("/proc/" + running.pid() + "/root/memory");
      assertThat(stat.uid()).isEqualTo(TestGuest.USER.uid());
      assertThat(stat.permissions()).isEqualTo(0700);
      assertThat(Files.readString(Path.of("/proc/" + running.pid() + "/mounts")))
          .containsPattern("/memory tmpfs rw,nosuid,nodev,noexec,.*size=12288k.*huge=always");
    }
  }

  @Test
  void whatOnlyRootMayReadIsCopiedAndWhatAllMayReadIsNot() throws IOException {
    Path kernel = Files.writeString(directory.resolve("kernel"), "a kernel");
    Files.setPosixFilePermissions(kernel, PosixFilePermissions.fromString("rw-r--r--"));
    JailRoot shared = new JailRoot().file(kernel.toString(), "/guest/kernel");
    Seen bound = look(shared, "/guest/kernel");
    assertThat(bound.stat().inode()).isEqualTo(Fs.stat(kernel.toString()).inode());
    assertThat(bound.content()).isEqualTo("a kernel");

    Files.setPosixFilePermissions(kernel, PosixFilePermissions.fromString("rw-------"));
    JailRoot closed = new JailRoot().file(kernel.toString(), "/guest/kernel");
    Seen copy = look(closed, "/guest/kernel");
    assertThat(copy.content()).isEqualTo("a kernel");
    assertThat(copy.stat().uid()).isEqualTo(TestGuest.USER.uid());
    assertThat(copy.stat().permissions()).isEqualTo(0400);
    assertThat(Fs.stat(kernel.toString()).uid()).isZero();
  }
}
