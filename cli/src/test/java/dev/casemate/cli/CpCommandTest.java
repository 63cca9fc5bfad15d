package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.archive.ArchiveException;
import dev.casemate.archive.TarEntry;
import dev.casemate.archive.TarWriter;
import dev.casemate.base.CasemateException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Processes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code casemate cp CONTAINER:PATH LOCAL} with what a hostile guest may send. */
final class CpCommandTest {
  @TempDir Path temp;
  private Path home = Path.of("");

  @BeforeEach
  void makeHome() throws IOException {
    home = Files.createDirectories(temp.resolve("home"));
    Files.writeString(home.resolve(".bashrc"), "mine");
    Files.createDirectories(home.resolve(".ssh"));
    Files.writeString(home.resolve(".ssh/authorized_keys"), "my key");
    Files.writeString(temp.resolve("outside"), "untouched");
  }

  /** One step of an archive: {@code f|d|s|h|p|c|b NAME [CONTENT|TARGET]}. */
  private static byte[] tar(String... steps) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    for (String step : steps) {
      String[] word = step.split(" ", 3);
      String last = word.length > 2 ? word[2] : "";
      switch (word[0]) {
        case "f" -> {
          byte[] content = last.getBytes(StandardCharsets.UTF_8);
          writer.put(TarEntry.file(word[1], 06755, content.length));
          writer.write(content, 0, content.length);
        }
        case "d" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.DIRECTORY, 0777, ""));
        case "s" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.SYMLINK, 0777, last));
        case "h" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.HARD_LINK, 0644, last));
        case "p" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.FIFO, 0644, ""));
        case "c" -> writer.put(node(word[1], TarEntry.Type.CHARACTER));
        case "b" -> writer.put(node(word[1], TarEntry.Type.BLOCK));
        default -> throw new AssertionError(step);
      }
    }
    writer.finish();
    return out.toByteArray();
  }

  private static TarEntry node(String name, TarEntry.Type type) {
    return new TarEntry(name, type, 0666, 0, 0, 0, 0, 0, "", 1, 3, Map.of(), List.of());
  }

  private void extract(byte[] tar, Path directory, String name, boolean isDirectory) {
    CpCommand.extract(
        new ByteArrayInputStream(tar), directory.toString(), name, isDirectory, true, () -> {});
  }

  /** Everything below the temporary directory: path, type or target, mode, content. */
  private Map<String, String> everything() throws IOException {
    Map<String, String> found = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(temp, new FileVisitOption[0])) {
      for (Path path : paths.toList()) {
        String mode =
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS));
        String what =
            Files.isSymbolicLink(path)
                ? "-> " + Files.readSymbolicLink(path)
                : Files.isRegularFile(path) ? Files.readString(path) : "";
        found.put(temp.relativize(path).toString(), mode + " " + what);
      }
    }
    return found;
  }

  /** What a guest may send for {@code cp web:/etc/os-release .}, or for a directory. */
  record Attack(String what, boolean directory, byte[] tar) {
    static Attack file(String what, String... steps) {
      return new Attack(what, false, CpCommandTest.tar(steps));
    }

    static Attack tree(String what, String... steps) {
      return new Attack(what, true, CpCommandTest.tar(steps));
    }

    @Override
    public String toString() {
      return what;
    }
  }

  static List<Attack> attacks() {
    List<Attack> attacks =
        new ArrayList<>(
            List.of(
                Attack.file("a link to . and a key below", "s os .", "f os/.ssh/authorized_keys x"),
                Attack.file("a link to . and a file over .bashrc", "s os .", "f os/.bashrc evil"),
                Attack.file("a link to ./", "s os ./", "f os/.bashrc evil"),
                Attack.file("a link to its directory's name", "s os ../home", "f os/.bashrc evil"),
                Attack.file("an absolute link", "s os /", "f os/outside evil"),
                Attack.file("several tops", "f os x", "f .bashrc evil"),
                Attack.file("the same top again, a link first", "s os .bashrc", "f os evil"),
                Attack.file("a directory for a file", "d os", "f os/x evil"),
                Attack.file("a FIFO for a file", "p os"),
                Attack.file("a device for a file", "c os"),
                Attack.file("a disk for a file", "b os"),
                Attack.file("a hard link for a file", "h os .bashrc"),
                Attack.file("a hard link to itself", "h os os"),
                Attack.file("nothing"),
                Attack.file("the top called .", "f . evil"),
                Attack.file("the top called ..", "f .. evil"),
                Attack.file("a name with ..", "f ../.bashrc evil"),
                Attack.file("a name below", "f os/.bashrc evil"),
                Attack.file("an absolute name", "f /outside evil"),
                Attack.file("a huge name", "f " + "n".repeat(300) + "/" + "m".repeat(100_000)),
                Attack.tree("a file for a directory", "f os evil"),
                Attack.tree("a link for a directory", "s os ."),
                Attack.tree("a link for a directory, an entry below", "s os .", "f os/.bashrc x"),
                Attack.tree("a second top", "d os", "f os/x 1", "d .ssh", "f .ssh/x evil"),
                Attack.tree("the top again as a link", "d os", "s os .", "f os/.bashrc evil"),
                Attack.tree("the top again as ./", "d os", "s os/. x"),
                Attack.tree("an entry below a link", "d os", "s os/up ..", "f os/up/.bashrc evil"),
                Attack.tree("below an absolute link", "d os", "s os/up /", "f os/up/outside evil"),
                Attack.tree("below a link to .", "d os", "s os/up .", "f os/up/x evil"),
                Attack.tree(
                    "a directory that is a link by now",
                    "d os",
                    "d os/a",
                    "s os/a ..",
                    "f os/a/.bashrc evil"),
                Attack.tree("below nothing", "d os", "f os/no/such/x evil"),
                Attack.tree("..", "d os", "f os/../.bashrc evil"),
                Attack.tree("a hard link to another top", "d os", "h os/x .bashrc"),
                Attack.tree("a hard link with ..", "d os", "h os/x os/../../outside"),
                Attack.tree("an absolute hard link", "d os", "h os/x /outside"),
                Attack.tree(
                    "a hard link through a link", "d os", "s os/up ..", "h os/x os/up/.bashrc"),
                Attack.tree("deep", "d os", "d os" + "/d".repeat(600)),
                Attack.tree("a huge name", "d os", "f os/" + "n".repeat(256) + " x"),
                Attack.tree("a huge path", "d os", "f os/" + "n/".repeat(50_000) + " x"),
                Attack.tree("a FIFO with a huge path", "d os", "p os/" + "n/".repeat(3_000)),
                Attack.tree("a link without a target", "d os", "s os/x")));
    byte[] whole = tar("d os", "f os/x " + "x".repeat(5000));
    for (int length : new int[] {0, 100, 512, 1024, 1500, 3000, whole.length - 1024}) {
      attacks.add(new Attack("cut off at " + length, true, Arrays.copyOf(whole, length)));
    }
    byte[] damaged = whole.clone();
    damaged[150]++;
    attacks.add(new Attack("a wrong checksum", true, damaged));
    return attacks;
  }

  @ParameterizedTest
  @MethodSource("attacks")
  void aHostileArchiveIsRefusedAndLeavesNothing(Attack attack) throws IOException {
    Map<String, String> before = everything();
    assertThatThrownBy(() -> extract(attack.tar(), home, "os", attack.directory()))
        .isInstanceOfAny(CasemateException.class, ArchiveException.class)
        .message()
        .hasSizeLessThan(1000);
    assertThat(everything()).isEqualTo(before);
    // The same below a directory that is there already, and as a directory's content.
    Files.createDirectories(home.resolve("os/kept"));
    before = everything();
    assertThatThrownBy(() -> extract(attack.tar(), home, "os", attack.directory()))
        .isInstanceOfAny(CasemateException.class, ArchiveException.class);
    assertThat(everything()).isEqualTo(before);
  }

  @Test
  void aFailureOfTheContainersSideLeavesNothing() throws IOException {
    Map<String, String> before = everything();
    assertThatThrownBy(
            () ->
                CpCommand.extract(
                    new ByteArrayInputStream(tar("f os x")),
                    home.toString(),
                    "os",
                    false,
                    true,
                    () -> {
                      throw CasemateException.of(CasemateException.Kind.INVALID_ARGUMENT, "late");
                    }))
        .hasMessage("late");
    assertThat(everything()).isEqualTo(before);
  }

  @Test
  void aFileTakesTheNameThatTheUserGave() throws IOException {
    extract(tar("f whatever new"), home, ".bashrc", false);
    assertThat(home.resolve(".bashrc")).hasContent("new");
    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve(".bashrc"))))
        .isEqualTo("rwxr-xr-x");
    extract(tar("s whatever /etc/shadow"), home, "link", false);
    assertThat(Files.readSymbolicLink(home.resolve("link"))).hasToString("/etc/shadow");
    // A link that is in the way is replaced, never written through.
    extract(tar("f whatever mine"), home, "link", false);
    assertThat(home.resolve("link")).isRegularFile().hasContent("mine");
    assertThat(home.toFile().list()).containsExactlyInAnyOrder(".bashrc", ".ssh", "link");
  }

  @Test
  void aDirectoryIsMergedWithOneThatIsThere() throws IOException {
    byte[] tree =
        tar("d .", "f ./one 1", "d ./sub", "f ./sub/two 2", "h ./hard ./one", "s ./up ..");
    extract(tree, home, "new", true);
    assertThat(home.resolve("new/sub/two")).hasContent("2");
    assertThat(home.resolve("new/hard")).hasContent("1");
    assertThat(Files.readSymbolicLink(home.resolve("new/up"))).hasToString("..");
    Files.writeString(home.resolve("new/one"), "old");
    Files.writeString(home.resolve("new/sub/kept"), "kept");
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx------"));
    extract(tree, home, "new", true);
    assertThat(home.resolve("new/one")).hasContent("1");
    assertThat(home.resolve("new/sub/kept")).hasContent("kept");
    extract(tree, home, ".", true);
    assertThat(home.resolve("sub/two")).hasContent("2");
    assertThat(home.resolve(".bashrc")).hasContent("mine");
    // What the guest says of a directory changes none of the user's.
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home)))
        .isEqualTo("rwx------");
  }

  @Test
  void aDirectoryTakesNoOtherFilesPlace() throws IOException {
    Files.createSymbolicLink(home.resolve("link"), temp);
    Files.createDirectories(home.resolve("os/sub"));
    Files.writeString(home.resolve("os/sub/kept"), "kept");
    Map<String, String> before = everything();
    for (String existing : List.of(".bashrc", "link")) {
      assertThatThrownBy(() -> extract(tar("d os", "f os/outside x"), home, existing, true))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("cannot copy a directory over ")
          .hasMessageContaining(existing);
    }
    assertThatThrownBy(() -> extract(tar("d os", "f os/aaa x", "f os/sub x"), home, "os", true))
        .hasMessageContaining("over directory " + home + "/os/sub; remove that first");
    assertThatThrownBy(() -> extract(tar("f os x"), home, "os", false))
        .hasMessageContaining("over directory " + home + "/os;");
    assertThat(everything()).isEqualTo(before);
  }

  @Test
  void nodesBelowADirectoryAreLeftOut() throws IOException {
    List<String> notes = new ArrayList<>();
    new CopyOut("os", true, true, notes::add)
        .extract(
            new ByteArrayInputStream(
                tar("d os", "p os/fifo", "h os/hard os/fifo", "c os/nu\u001bll", "f os/x 1")),
            home.toString(),
            () -> {});
    assertThat(home.resolve("os").toFile().list()).containsExactly("x");
    assertThat(notes)
        .containsExactly(
            "skipped FIFO \"os/fifo\"",
            "skipped hard link \"os/hard\"",
            "skipped device node \"os/nu?ll\"");
  }

  @Test
  void aLinkIsRefusedWhereItsTargetWasAskedFor() throws IOException {
    Map<String, String> before = everything();
    assertThatThrownBy(
            () ->
                CpCommand.extract(
                    new ByteArrayInputStream(tar("s os /etc/shadow")),
                    home.toString(),
                    "os",
                    false,
                    false,
                    () -> {}))
        .hasMessageContaining("is a symbolic link; the container announced a file");
    assertThat(everything()).isEqualTo(before);
  }

  @Tag("root")
  @Test
  void aMountBelowTheDestinationIsFoundBeforeAnythingIsMoved()
      throws IOException, InterruptedException {
    Path sub = Files.createDirectories(home.resolve("os/sub"));
    AtomicReference<String> message = new AtomicReference<>("");
    Thread thread =
        new Thread(
            () -> {
              Processes.unshare(Processes.CLONE_NEWNS);
              Mounts.mount("", "/", "", Mounts.PRIVATE | Mounts.REC, "");
              Mounts.mount("tmpfs", sub.toString(), "tmpfs", 0, "");
              try {
                extract(tar("d os", "f os/a 1", "d os/sub", "f os/sub/b 2"), home, "os", true);
              } catch (CasemateException e) {
                message.set(String.valueOf(e.getMessage()));
              }
            });
    thread.start();
    thread.join();
    assertThat(message.get()).contains("another file system is mounted on " + home + "/os/sub");
    assertThat(home.resolve("os").toFile().list()).containsExactly("sub");
  }

  @Test
  void aPathThatEndsInDotDotIsRefused() throws IOException {
    Map<String, String> before = everything();
    assertThatThrownBy(() -> extract(tar("d ..", "f ../x 1"), home, "..", true))
        .hasMessageContaining("name the directory itself");
    assertThat(everything()).isEqualTo(before);
  }
}
