package dev.casemate.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class FsTest {
  @TempDir Path directory;

  private String path(String name) {
    return directory.resolve(name).toString();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void anErrorNamesCallPathAndErrno() {
    assertThatThrownBy(() -> Fs.open(path("none"), OpenFlag.READ_ONLY))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT))
        .hasMessageContaining("open " + path("none") + ": no such file or directory (ENOENT)");
  }

  @Test
  void aRootIsNotLeft() {
    FileTree.makeDirectories(path("root/etc"), 0755);
    FileContent.write(path("secret"), bytes("outside"), 0600);
    FileContent.write(path("root/secret"), bytes("inside"), 0600);
    Links.symlink("/secret", path("root/absolute"));
    Links.symlink("../../../secret", path("root/etc/relative"));
    try (Fd root = Fs.open(path("root"), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      for (String name : new String[] {"absolute", "etc/relative", "../secret", "/../../secret"}) {
        try (Fd file = Fs.openIn(root, name, OpenFlag.READ_ONLY, 0)) {
          assertThat(new String(FileContent.readBytes(file, name, 100), StandardCharsets.UTF_8))
              .as(name)
              .isEqualTo("inside");
        }
      }
    }
  }

  @Tag("root")
  @Test
  @Timeout(10)
  void onlyRegularFilesAreOpenedWhereAnythingMayLie() {
    FileContent.write(path("file"), bytes("x"), 0600);
    Links.symlink("file", path("link"));
    Fs.makeFifo(path("fifo"), 0600);
    // Opening a watchdog would start it.
    Fs.makeNode(path("device"), Stat.CHARACTER | 0600, 10, 130);
    Fs.openRegular(path("file")).orElseThrow().close();
    Fs.openRegular(path("link")).orElseThrow().close();
    for (String other : new String[] {"fifo", "device", "."}) {
      assertThat(Fs.openRegular(path(other))).as(other).isEmpty();
    }
    try (Fd here = Fs.open(directory.toString(), OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      Fs.openRegularAt(here, "file").orElseThrow().close();
      assertThat(Fs.openRegularAt(here, "link")).isEmpty();
    }
  }

  @Test
  void removesTreesThatOthersRemoveToo() {
    for (int round = 0; round < 30; round++) {
      String tree = path("shared" + round);
      for (int i = 0; i < 20; i++) {
        FileTree.makeDirectories(tree + "/directory" + i, 0755);
      }
      CompletableFuture<Void> other = CompletableFuture.runAsync(() -> FileTree.removeTree(tree));
      FileTree.removeTree(tree);
      other.join();
      assertThat(Fs.exists(tree)).isFalse();
    }
  }

  @Test
  void removesATreeButNotWhatItsLinksName() {
    FileTree.makeDirectories(path("tree/a/b"), 0755);
    FileContent.write(path("tree/a/b/file"), bytes("x"), 0400);
    FileTree.makeDirectories(path("kept"), 0755);
    FileContent.write(path("kept/file"), bytes("x"), 0600);
    Links.symlink(path("kept"), path("tree/link"));
    FileTree.removeTree(path("tree"));
    assertThat(Fs.exists(path("tree"))).isFalse();
    assertThat(Fs.exists(path("kept/file"))).isTrue();
    FileTree.removeTree(path("tree"));
  }

  @Test
  void countsWhatItLists() {
    Fs.makeDirectory(path("many"), 0755);
    try (Fd many = Fs.open(path("many"), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      assertThat(Fs.count(many)).isZero();
    }
    for (int i = 0; i < 3000; i++) {
      FileContent.write(path("many/file" + i), bytes(""), 0600);
    }
    try (Fd many = Fs.open(path("many"), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      assertThat(Fs.count(many)).isEqualTo(3000);
    }
  }

  /** Deeper than a path may be long, and than this process may open files. */
  @Test
  void removesTreesOfAnyDepthWithFewDescriptors() {
    int files = ResourceLimits.number("RLIMIT_NOFILE");
    ResourceLimits.Limit before = ResourceLimits.get(files);
    Fs.makeDirectory(path("deep"), 0755);
    Fd here = Fs.open(path("deep"), OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
    for (int i = 0; i < 3000; i++) {
      Fs.makeDirectoryAt(here, "d", 0755);
      Fs.makeDirectoryAt(here, "e", 0755);
      Fd below = Fs.openAt(here, "d", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0);
      here.close();
      here = below;
    }
    here.close();
    int most;
    try (Fd next = Fs.open(path("deep"), OpenFlag.PATH)) {
      most = next.number() + 20;
    }
    ResourceLimits.set(files, new ResourceLimits.Limit(most, before.hard()));
    try {
      FileTree.removeTree(path("deep"));
    } finally {
      ResourceLimits.set(files, before);
    }
    assertThat(Fs.exists(path("deep"))).isFalse();
  }

  @Test
  void copiesHolesAsHoles() {
    try (Fd file = Fs.open(path("sparse"), OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600)) {
      FileContent.truncate(file, 1L << 30);
      FileContent.seek(file, 512L << 20, 0);
      file.writeAll(bytes("middle"));
    }
    try (Fd source = Fs.open(path("sparse"), OpenFlag.READ_ONLY);
        Fd sent = Fs.open(path("sent"), OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600)) {
      FileContent.sendSparse(source, sent);
    }
    assertThat(Path.of(path("sent"))).hasSameBinaryContentAs(Path.of(path("sparse")));
    assertThat(Fs.stat(path("sent")).blocks())
        .isLessThanOrEqualTo(Fs.stat(path("sparse")).blocks());
    FileContent.copySparse(path("sparse"), path("copy"), 0600);
    Stat copy = Fs.stat(path("copy"));
    assertThat(copy.size()).isEqualTo(1L << 30);
    assertThat(copy.blocks()).isLessThan(1024);
    try (Fd file = Fs.open(path("copy"), OpenFlag.READ_ONLY)) {
      assertThat(FileContent.seek(file, 0, 3)).isEqualTo(512L << 20);
    }
  }

  /** As on an overlay file system, where copy_file_range(2) may be refused. */
  @Test
  void copiesHolesAsHolesBetweenFileSystems() throws IOException {
    byte[] content = new byte[200_000];
    Arrays.fill(content, 70_000, 140_000, (byte) 7);
    try (Fd file = Fs.open(path("sparse"), OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600)) {
      FileContent.truncate(file, 1L << 30);
      FileContent.seek(file, 512L << 20, 0);
      file.writeAll(content);
    }
    Path other = Path.of("/dev/shm/casemate-copy-" + Processes.currentPid());
    try {
      FileContent.copySparse(path("sparse"), other.toString(), 0600);
      assertThat(Fs.stat(other.toString()).blocks()).isLessThan(1024);
      assertThat(Files.mismatch(Path.of(path("sparse")), other)).isEqualTo(-1);
    } finally {
      Files.deleteIfExists(other);
    }
  }

  @Test
  void aLockBelongsToItsDescriptor() {
    try (Fd one = Fs.open(path("lock"), OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600);
        Fd two = Fs.open(path("lock"), OpenFlag.READ_ONLY)) {
      assertThat(Fs.lock(one, true, false)).isTrue();
      assertThat(Fs.lock(two, false, false)).isFalse();
      one.close();
      assertThat(Fs.lock(two, false, false)).isTrue();
    }
  }

  @Test
  void refusesFilesThatAreTooLong() {
    FileContent.write(path("long"), new byte[1000], 0600);
    assertThat(FileContent.readBytes(path("long"), 1000)).hasSize(1000);
    assertThatThrownBy(() -> FileContent.readBytes(path("long"), 999))
        .hasMessageContaining("EFBIG");
    assertThatThrownBy(() -> Fs.open("a\0b", OpenFlag.READ_ONLY))
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("EINVAL");
  }
}
