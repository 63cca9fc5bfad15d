package dev.casemate.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GuestStoreTest {
  @TempDir Path scratch;
  private GuestStore store;
  private Path agent;
  private Path modules;

  @BeforeEach
  void prepare() throws IOException {
    store = new GuestStore(scratch.resolve("guest"), scratch.resolve("cache"));
    // Any static ELF file will do: a kernel is one.
    agent = Files.write(scratch.resolve("agent"), SampleKernel.elf(true));
    Files.write(scratch.resolve("vmlinux"), SampleKernel.elf(true));
    modules = Files.createDirectories(scratch.resolve("modules"));
    module("virtio_pci", "");
    module("virtio_console", "virtio_pci");
    module("overlay", "");
    Files.writeString(modules.resolve("modules.builtin"), "kernel/fs/ext4/ext4.ko\n");
  }

  @Test
  void buildsFindsListsAndRemoves() throws IOException {
    Guest built = store.build(spec("default"), Progress.SILENT);

    assertThat(store.find("default")).contains(built);
    assertThat(store.list().guests()).containsExactly(built);
    assertThat(store.list().damaged()).isEmpty();
    assertThat(built.kernelRelease()).isEqualTo(SampleKernel.RELEASE);
    assertThat(built.groups())
        .containsOnlyKeys("base", "overlay", "ext4")
        .containsEntry("base", List.of("virtio_pci", "virtio_console"))
        .containsEntry("ext4", List.of());
    assertThat(built.supports("ext4")).isTrue();
    assertThat(built.supports("virtiofs")).isFalse();
    assertThat(Files.readAllBytes(built.kernel()))
        .isEqualTo(SampleKernel.trimmed(SampleKernel.elf(true)));
    assertThat(Files.size(built.initramfs())).isEqualTo(built.initramfsBytes());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(built.directory())))
        .isEqualTo("rwx------");
    List<CpioReader.Entry> entries = CpioReader.read(Files.readAllBytes(built.initramfs()));
    assertThat(entries)
        .extracting(CpioReader.Entry::path)
        .contains("init", "dev/console", "proc", "lib/modules/overlay.ko", "lib/modules/groups");
    assertThat(entries)
        .filteredOn(e -> e.path().equals("lib/modules/groups"))
        .singleElement()
        .matches(
            e -> e.content().equals("base: virtio_pci virtio_console\noverlay: overlay\next4:\n"));
    assertThat(leftovers()).isEmpty();

    store.remove("default");
    assertThat(store.find("default")).isEmpty();
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void replacesAGuestAsAWhole() throws IOException {
    store.build(spec("default"), Progress.SILENT);
    module("erofs", "");

    Guest second = store.build(spec("default"), Progress.SILENT);

    assertThat(second.supports("erofs")).isTrue();
    assertThat(store.find("default")).contains(second);
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void givesTheSameBytesForTheSameInput() throws IOException {
    Guest first = store.build(spec("first"), Progress.SILENT);
    GuestStore other = new GuestStore(scratch.resolve("elsewhere"), scratch.resolve("cache"));
    Guest second = other.build(spec("second"), Progress.SILENT);

    assertThat(second.initramfs()).hasSameBinaryContentAs(first.initramfs());
    assertThat(second.kernel()).hasSameBinaryContentAs(first.kernel());
  }

  @Test
  void keepsTheOldGuestWhenABuildFails() throws IOException {
    Guest first = store.build(spec("default"), Progress.SILENT);
    Files.write(modules.resolve("overlay.ko"), new byte[] {1, 2, 3});

    failure(() -> store.build(spec("default"), Progress.SILENT), Kind.CORRUPT)
        .hasMessageContaining("overlay.ko");

    assertThat(store.find("default")).contains(first);
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void writesOnlyTheInitramfsForANewAgent() throws IOException {
    Guest first = store.build(spec("default"), Progress.SILENT);
    Object kernel = Files.readAttributes(first.kernel(), "unix:ino").get("ino");
    List<String> said = new ArrayList<>();

    assertThat(store.refreshAgent("default", agent, said::add)).isEqualTo(first);
    assertThat(said).isEmpty();

    byte[] newer = SampleKernel.elf(true);
    newer[4000] = 42;
    Files.write(agent, newer);
    GuestSpec anyKernel =
        new GuestSpec("default", agent, KernelSource.newestDebian(), List.of("ext4"));
    Guest second = store.ensure(anyKernel, said::add);

    assertThat(second.agentSha256()).isNotEqualTo(first.agentSha256());
    assertThat(second.groups()).isEqualTo(first.groups());
    assertThat(store.find("default")).contains(second);
    assertThat(Files.readAttributes(first.kernel(), "unix:ino").get("ino")).isEqualTo(kernel);
    assertThat(CpioReader.read(Files.readAllBytes(second.initramfs())))
        .last()
        .matches(e -> e.content().charAt(4000) == 42);
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void buildsAnewWhenAnotherKernelOrADamagedGuestStandsInTheWay() throws IOException {
    Guest first = store.ensure(spec("default"), Progress.SILENT);
    module("erofs", "");
    Guest second = store.ensure(spec("default"), Progress.SILENT);
    assertThat(first.supports("erofs")).isFalse();
    assertThat(second.supports("erofs")).isTrue();

    Files.writeString(second.directory().resolve("guest.json"), "{");
    List<String> said = new ArrayList<>();
    Guest third = store.ensure(spec("default"), said::add);
    assertThat(store.find("default")).contains(third);
    assertThat(said.getFirst()).contains("Rebuilding: Guest 'default' is damaged");
  }

  @Test
  void saysWhenThereIsNone() {
    failure(() -> store.remove("x"), Kind.NOT_FOUND).hasMessageContaining("--name x");
    failure(() -> store.refreshAgent("x", agent, Progress.SILENT), Kind.NOT_FOUND);
    assertThat(store.list().guests()).isEmpty();
  }

  @Test
  void refusesBadNames() {
    for (String name : List.of("", "..", ".hidden", "a/b", "-x", "a b", "ü", "x".repeat(65))) {
      failure(() -> store.find(name), Kind.INVALID_ARGUMENT);
      failure(() -> store.remove(name), Kind.INVALID_ARGUMENT);
      failure(() -> store.build(spec(name), Progress.SILENT), Kind.INVALID_ARGUMENT);
    }
  }

  @Test
  void oneBuilderAtATime() throws IOException {
    store.build(spec("default"), Progress.SILENT);
    try (GuestLock lock = GuestLock.take(store.root(), "default")) {
      String pid = String.valueOf(ProcessHandle.current().pid());
      failure(() -> store.build(spec("default"), Progress.SILENT), Kind.FAILED_PRECONDITION)
          .hasMessageContaining("being built or removed by process " + pid);
      failure(() -> store.remove("default"), Kind.FAILED_PRECONDITION);
      // Another guest and readers are not in the way.
      store.build(spec("other"), Progress.SILENT);
      assertThat(store.find("default")).isPresent();
      assertThat(lock).isNotNull();
    }
    store.remove("default");
  }

  @Test
  void cleansUpAfterABuilderThatWasKilled() throws IOException {
    Path half = Files.createDirectories(store.root().resolve(".default~build-1-2/modules"));
    Path unpacked = Files.createDirectories(scratch.resolve("cache/.default~build-1-2"));
    Path others = Files.createDirectories(store.root().resolve(".other~build-1-2"));
    Files.writeString(half.resolve("a.ko"), "half");
    assertThat(store.list().guests()).isEmpty();

    store.build(spec("default"), Progress.SILENT);

    assertThat(half).doesNotExist();
    assertThat(unpacked).doesNotExist();
    assertThat(others).exists();
  }

  @Test
  void namesADamagedGuest() throws IOException {
    Guest good = store.build(spec("good"), Progress.SILENT);
    Guest bad = store.build(spec("bad"), Progress.SILENT);
    Path file = bad.directory().resolve("guest.json");
    for (String text :
        List.of("", "{", "[]", "{\"format\":1}", "{\"format\":7}", "\0\0\0", "{\"groups\":3}")) {
      Files.writeString(file, text);
      failure(() -> store.find("bad"), Kind.CORRUPT)
          .hasMessageContaining("Guest 'bad' is damaged")
          .hasMessageContaining("casemate guest rm bad");
    }
    assertThat(store.list().guests()).containsExactly(good);
    assertThat(store.list().damaged()).containsOnlyKeys("bad");
    Files.delete(file);
    assertThat(store.list().damaged()).containsKey("bad");
    store.build(spec("bad"), Progress.SILENT);
    assertThat(store.list().damaged()).isEmpty();
  }

  @Test
  void refusesModulesOfAnotherKernel() throws IOException {
    Files.write(
        modules.resolve("overlay.ko"),
        SampleKernel.module("depends=", "vermagic=5.10.0-1-amd64 SMP"));
    failure(() -> store.build(spec("default"), Progress.SILENT), Kind.INVALID_ARGUMENT)
        .hasMessageContaining("overlay is for kernel 5.10.0-1-amd64");
  }

  @Test
  void refusesABadAgentOrFeature() throws IOException {
    Path text = Files.writeString(scratch.resolve("text"), "#!/bin/sh\n");
    failure(() -> store.build(spec("default", text), Progress.SILENT), Kind.CORRUPT)
        .hasMessageContaining("not an ELF file");
    failure(
            () -> store.build(spec("default", Path.of("/usr/bin/env")), Progress.SILENT),
            Kind.INVALID_ARGUMENT)
        .hasMessageContaining("linked dynamically");
    failure(
            () -> store.build(spec("default", scratch.resolve("none")), Progress.SILENT),
            Kind.NOT_FOUND)
        .hasMessageContaining("--agent FILE");
    GuestSpec odd =
        new GuestSpec("default", agent, KernelSource.newestDebian(), List.of("warpdrive"));
    failure(() -> store.build(odd, Progress.SILENT), Kind.INVALID_ARGUMENT)
        .hasMessageContaining("Unknown guest feature 'warpdrive'");
  }

  @Tag("root")
  @Test
  void saysWhenTheDiskIsFullOrReadOnly() throws IOException {
    Path mount = Files.createDirectories(scratch.resolve("mount"));
    mount("-t", "tmpfs", "-o", "size=8k", "none", mount.toString());
    try {
      GuestStore small = new GuestStore(mount, scratch.resolve("cache"));
      failure(() -> small.build(spec("default"), Progress.SILENT), Kind.RESOURCE_EXHAUSTED)
          .hasMessageContaining("No space left");
      assertThat(small.list().guests()).isEmpty();
      mount("-o", "remount,ro", mount.toString());
      failure(() -> small.build(spec("default"), Progress.SILENT), Kind.FAILED_PRECONDITION)
          .hasMessageContaining("read-only file system");
    } finally {
      Tool.run(scratch, List.of(Tool.require("umount", "mount"), mount.toString()));
    }
  }

  private GuestSpec spec(String name) {
    return spec(name, agent);
  }

  private GuestSpec spec(String name, Path agentFile) {
    return new GuestSpec(
        name,
        agentFile,
        new KernelSource.KernelFile(scratch.resolve("vmlinux"), Optional.of(modules)),
        List.of());
  }

  private void module(String name, String depends) throws IOException {
    Files.write(
        modules.resolve(name + ".ko"),
        SampleKernel.module(
            "depends=" + depends, "vermagic=" + SampleKernel.RELEASE + " SMP mod_unload"));
  }

  /** What a build should not leave behind. */
  private List<String> leftovers() throws IOException {
    List<String> names = new ArrayList<>();
    for (Path directory : List.of(store.root(), scratch.resolve("cache"))) {
      try (var files = Files.list(directory)) {
        files.map(f -> f.getFileName().toString()).filter(n -> n.contains("~")).forEach(names::add);
      }
    }
    return names;
  }

  private void mount(String... arguments) {
    List<String> command = new ArrayList<>(List.of(Tool.require("mount", "mount")));
    command.addAll(List.of(arguments));
    Tool.Result result = Tool.run(scratch, command);
    assertThat(result.ok()).as(result.errors()).isTrue();
  }

  private static AbstractThrowableAssert<?, ?> failure(ThrowingCallable call, Kind kind) {
    return assertThatThrownBy(call)
        .asInstanceOf(InstanceOfAssertFactories.throwable(CasemateException.class))
        .matches(e -> e.kind() == kind, "has kind " + kind);
  }
}
