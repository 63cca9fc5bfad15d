package dev.casemate.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.OpenFlag;
import dev.casemate.testsupport.FileTrees;
import dev.casemate.testsupport.Shell;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("root")
final class RootedExtractorTest {
  private static final RootedExtractor.Options LAYER =
      new RootedExtractor.Options(true, 1 << 20, 1000, 1 << 20);

  @TempDir Path temp;
  private String root = "";

  @BeforeEach
  void makeRoot() {
    root = temp + "/root";
    Fs.makeDirectory(root, 0755);
    FileContent.write(temp + "/outside", "untouched".getBytes(StandardCharsets.UTF_8), 0600);
    Fs.makeDirectory(temp + "/outdir", 0700);
  }

  /** A tar from lines: {@code f name [content]}, {@code d name}, {@code s name target}, … */
  static byte[] tar(String... lines) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    for (String line : lines) {
      String[] word = line.split(" ");
      switch (word[0]) {
        case "f" -> {
          byte[] content = (word.length > 2 ? word[2] : "").getBytes(StandardCharsets.UTF_8);
          writer.put(TarEntry.file(word[1], 0644, content.length));
          writer.write(content, 0, content.length);
        }
        case "d" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.DIRECTORY, 0755, ""));
        case "s" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.SYMLINK, 0777, word[2]));
        case "h" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.HARD_LINK, 0644, word[2]));
        case "p" -> writer.put(TarEntry.plain(word[1], TarEntry.Type.FIFO, 0644, ""));
        case "c" ->
            writer.put(
                new TarEntry(
                    word[1],
                    TarEntry.Type.CHARACTER,
                    0666,
                    0,
                    0,
                    0,
                    0,
                    0,
                    "",
                    1,
                    3,
                    Map.of(),
                    List.of()));
        default -> throw new AssertionError(line);
      }
    }
    writer.finish();
    return out.toByteArray();
  }

  private void apply(RootedExtractor.Options options, byte[] tar) {
    try (Fd fd = Fs.open(root, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
        RootedExtractor extractor = new RootedExtractor(fd, options)) {
      extractor.extract(new TarReader(new ByteArrayInputStream(tar), true));
    }
  }

  private void layer(String... lines) {
    apply(LAYER, tar(lines));
  }

  private String files() {
    return Shell.run("cd " + root + " && find . -mindepth 1 | sort | tr '\\n' ' '").out().strip();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f ../outside evil",
        "f a/../../outside evil",
        "d ..",
        "h link ../outside",
        "h link ../../../../../../etc/passwd",
        "h link /etc/shadow-that-is-not-in-the-image",
        "s up ..;h link up/outside",
        "s link /;h link link",
        "c null;f null/x evil",
        "p fifo;d fifo/d",
        "f file;f file/below evil",
        "s loop loop;f loop/x evil",
        "s a b;s b a;f a/x evil",
        "d dir;h link dir",
        "f .",
        "s . /etc",
        "f .wh...",
        "f .wh.",
        "f ../.wh.outside",
        "f ../.wh..wh..opq",
      })
  void refusesToLeaveTheRoot(String attack) {
    byte[] tar = tar(attack.split(";"));
    assertThatThrownBy(() -> apply(LAYER, tar))
        .isInstanceOf(ArchiveException.class)
        .hasMessageContaining("entry \"")
        .satisfies(
            e ->
                assertThat(((ArchiveException) e).reason())
                    .isEqualTo(ArchiveException.Reason.REFUSED));
    nothingOutsideHasChanged();
  }

  private void nothingOutsideHasChanged() {
    assertThat(FileContent.readString(temp + "/outside", 100)).isEqualTo("untouched");
    assertThat(Fs.stat(temp + "/outside").links()).isEqualTo(1);
    assertThat(Fs.list(temp.toString())).containsExactlyInAnyOrder("root", "outside", "outdir");
    assertThat(Fs.list(temp + "/outdir")).isEmpty();
    assertThat(Fs.exists("/etc/casemate-test-evil")).isFalse();
  }

  /** As in Docker, which unpacks in a root of its own. */
  @ParameterizedTest
  @CsvSource({
    "d /usr;d /usr/bin;f /usr/bin/python x,./usr ./usr/bin ./usr/bin/python",
    "d ./;d ./a;f /a/b x,./a ./a/b",
    "d a;f a/x/../b x,./a ./a/b",
    "d a;f a/../../a/b x,",
    "f /../../b x,./b",
    "f a x;h /c/../b /x/../a,./a ./b",
    "s up ..;f up/outside x,./outside ./up",
    "s up ../..;f up/x/y x,./up ./x ./x/y",
    "s deep a/b/../../../..;d a;d a/b;f deep/outside x,./a ./a/b ./deep ./outside",
    "s one two;s two ../outdir;f one/evil x,./one ./outdir ./outdir/evil ./two",
    "s up ..;f up/x x;f up/.wh.outside,./up ./x",
    "s up ..;f up/.wh..wh..opq;f up/x x,./up ./x",
  })
  void resolvesNamesInsideTheRoot(String entries, @Nullable String found) {
    if (found == null) {
      assertThatThrownBy(() -> layer(entries.split(";"))).hasMessageContaining("leaves the root");
    } else {
      layer(entries.split(";"));
      assertThat(files()).isEqualTo(found);
    }
    nothingOutsideHasChanged();
  }

  @ParameterizedTest
  @ValueSource(strings = {"f /x x", "d a;f a/../x x", "f ../x x"})
  void refusesSuchNamesFromAGuest(String entries) {
    assertThatThrownBy(() -> apply(RootedExtractor.Options.strict(10), tar(entries.split(";"))))
        .isInstanceOf(ArchiveException.class);
  }

  @Test
  void replacesLinksAndNodesInsteadOfWritingThroughThem() {
    Links.symlink("../outside", root + "/sym");
    Links.symlink("../outdir", root + "/symdir");
    layer("c null", "p fifo", "f null new", "f fifo new", "f sym new", "d symdir", "f symdir/x");
    assertThat(FileContent.readString(temp + "/outside", 100)).isEqualTo("untouched");
    assertThat(Fs.list(temp + "/outdir")).isEmpty();
    for (String name : List.of("null", "fifo", "sym")) {
      assertThat(Fs.lstat(root + "/" + name).isRegular()).isTrue();
      assertThat(FileContent.readString(root + "/" + name, 100)).isEqualTo("new");
    }
    assertThat(Fs.lstat(root + "/symdir").isDirectory()).isTrue();
  }

  @Test
  void followsLinksInsideTheRoot() {
    layer("d usr", "d usr/lib", "s lib usr/lib", "f lib/a", "s abs /usr/lib", "f abs/b");
    layer("s late /opt/new", "f late/c", "d x", "s x/rel ../usr", "f x/rel/lib/d");
    assertThat(files())
        .isEqualTo(
            "./abs ./late ./lib ./opt ./opt/new ./opt/new/c ./usr ./usr/lib ./usr/lib/a"
                + " ./usr/lib/b ./usr/lib/d ./x ./x/rel");
  }

  @Test
  void appliesWhiteouts() {
    layer("d a", "f a/one", "f a/two", "d a/sub", "f a/sub/x", "d b", "f b/one", "f c", "f d");
    layer("f a/.wh.one", "f a/.wh.sub", "f .wh.c", "f .wh.missing", "f none/.wh.x");
    assertThat(files()).isEqualTo("./a ./a/two ./b ./b/one ./d");
    // What the layer itself brings stays, before and after the mark.
    layer("d a", "f a/new", "f a/.wh..wh..opq", "f a/newer", "d b", "f b/.wh..wh..opq");
    assertThat(files()).isEqualTo("./a ./a/new ./a/newer ./b ./d");
    layer("f d again", "f .wh.d", "f .wh..wh.plnk", "d .wh..wh.aufs", "f .wh..wh.aufs/x");
    assertThat(FileContent.readString(root + "/d", 10)).isEqualTo("again");
    assertThat(files()).isEqualTo("./a ./a/new ./a/newer ./b ./d");
  }

  /** Each of them would look at all that the layer has made, again and again. */
  @Test
  @Timeout(60)
  void appliesWhiteoutsOfTheSameDirectoryInLinearTime() {
    layer("d a", "d a/b", "f a/below", "f a/b/below");
    int count = 6_000;
    List<String> lines = new ArrayList<>(List.of("d a", "d a/b"));
    for (int i = 0; i < count; i++) {
      lines.add("f a/b/" + i);
    }
    for (int i = 0; i < count / 3; i++) {
      lines.addAll(List.of("f a/b/.wh..wh..opq", "f a/.wh..wh..opq", "f a/.wh.b"));
    }
    apply(
        new RootedExtractor.Options(true, 1 << 20, 1 << 20, 1 << 24),
        tar(lines.toArray(new String[0])));
    assertThat(Fs.list(root + "/a")).containsExactly("b");
    assertThat(Fs.list(root + "/a/b")).hasSize(count).doesNotContain("below");
  }

  @Test
  void leavesWhiteoutNamesAloneInPlainArchives() {
    apply(RootedExtractor.Options.plain(), tar("f .wh.x text"));
    assertThat(files()).isEqualTo("./.wh.x");
  }

  @Test
  void replacesFilesByDirectoriesAndBack() {
    layer("d x", "f x/y", "f z");
    layer("f x now-a-file", "d z", "f z/y");
    assertThat(files()).isEqualTo("./x ./z ./z/y");
    layer("h link x", "f x changed");
    assertThat(FileContent.readString(root + "/link", 100)).isEqualTo("now-a-file");
    assertThat(FileContent.readString(root + "/x", 100)).isEqualTo("changed");
  }

  @Test
  void keepsTimesOfDirectoriesThatTheLayerOnlyPassesThrough() {
    layer("d a", "d a/b");
    Fs.stat(root + "/a/b");
    layer("f a/b/c", "f made/on/the/way");
    assertThat(Fs.stat(root + "/a").mtimeSeconds()).isZero();
    assertThat(Fs.stat(root + "/a/b").mtimeSeconds()).isZero();
    assertThat(Fs.stat(root + "/made/on").mtimeSeconds()).isZero();
  }

  @Test
  void boundsBytesAndEntries() {
    assertThatThrownBy(
            () -> apply(new RootedExtractor.Options(true, 3, 10, 1 << 20), tar("f x 1234")))
        .hasMessageContaining("more than 3 bytes");
    assertThatThrownBy(
            () -> apply(new RootedExtractor.Options(true, 9, 2, 1 << 20), tar("f x", "f y", "f z")))
        .hasMessageContaining("more than 2 entries");
  }

  @Test
  void archivesAndUnpacksTheSameTree() {
    Shell.run(
        "mkdir -p "
            + temp
            + "/src/d/e && cd "
            + temp
            + "/src && echo a > d/f && ln d/f d/g && ln -s ../x d/l && mkfifo d/p && mknod d/c c 1"
            + " 3 && setfattr -n user.t -v 1 d/f && setcap cap_chown+ep d/f && chown 5:6 d/e &&"
            + " chmod 2750 d/e && python3 -c \"import socket;"
            + " socket.socket(socket.AF_UNIX).bind('d/sock')\"");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter writer = new TarWriter(out);
    try (Fd source = Fs.open(temp + "/src", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      new TreeArchiver(source, writer).add("/d", "d", false);
    }
    writer.finish();
    apply(RootedExtractor.Options.plain(), out.toByteArray());
    Shell.run("rm " + temp + "/src/d/sock; touch -d @0 " + temp + "/src/d " + root + "/d");
    assertThat(FileTrees.describe(root)).isEqualTo(FileTrees.describe(temp + "/src"));
  }

  @Test
  void archivesNothingOutsideTheRoot() {
    Shell.run("cd " + root + " && ln -s ../outside s && ln -s ../../../../../etc/passwd up");
    try (Fd fd = Fs.open(root, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      TreeArchiver archiver = new TreeArchiver(fd, new TarWriter(new ByteArrayOutputStream()));
      assertThatThrownBy(() -> archiver.add("s", "s", true)).hasMessageContaining("ENOENT");
      assertThatThrownBy(() -> archiver.add("../outside", "s", true))
          .hasMessageContaining("ENOENT");
      assertThatThrownBy(() -> archiver.add("up", "s", true)).hasMessageContaining("ENOENT");
    }
  }

  @Test
  void boundsTheMemoryForNames() {
    String parent = ("d".repeat(250) + "/").repeat(15).substring(0, 15 * 251 - 1);
    String[] below = new String[500];
    for (int i = 0; i < below.length; i++) {
      below[i] = "f " + parent + "/" + i;
    }
    // A long parent is kept once: 500 names of 3.8 kB take 100 kB, not 1.9 MB.
    RootedExtractor.Options options = new RootedExtractor.Options(true, 1 << 20, 1000, 100_000);
    apply(options, tar(below));
    String[] apart = new String[30];
    for (int i = 0; i < apart.length; i++) {
      apart[i] = "f " + i + "/" + parent.substring(0, 3500) + "/x";
    }
    assertThatThrownBy(() -> apply(options, tar(apart)))
        .isInstanceOf(ArchiveException.class)
        .hasMessageContaining("more than 100000 bytes")
        .satisfies(
            e ->
                assertThat(((ArchiveException) e).reason())
                    .isEqualTo(ArchiveException.Reason.TOO_LARGE));
  }

  @Test
  void refusesPathsThatAreTooLongBelowTheRoot() {
    String parent = ("d".repeat(250) + "/").repeat(16);
    assertThatThrownBy(() -> layer("f " + parent + "f".repeat(4095 - parent.length())))
        .isInstanceOf(ArchiveException.class)
        .hasMessageContaining("entry \"dddd")
        .satisfies(
            e ->
                assertThat(((ArchiveException) e).reason())
                    .isEqualTo(ArchiveException.Reason.REFUSED));
  }
}
