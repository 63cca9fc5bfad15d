package dev.casemate.cli;

import dev.casemate.archive.ArchiveException;
import dev.casemate.archive.TarRepair;
import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a hostile guest sends for {@code casemate cp CONTAINER:PATH LOCAL}: nothing but what was
 * asked for changes, and nothing at all if the archive is refused. Inputs with an even first byte
 * are archives; the others are short programs that a hostile archive is made of.
 */
@Fuzzes(CopyOut.class)
public final class CopyOutFuzz {
  private static final List<String> NAMES =
      List.of(
          "os",
          "os/a",
          "os/b",
          "os/a/b",
          "os/l",
          "os/l/x",
          "os/.ssh",
          "os/.ssh/keys",
          "os/.bashrc",
          ".bashrc",
          ".ssh/keys",
          ".",
          "./a",
          "..",
          "../outside",
          "os/..",
          "os/../.bashrc",
          "/os",
          "/outside",
          "os//a",
          "os/",
          "other",
          "os/./a",
          "os/l/l");
  private static final List<String> LINKS =
      List.of(
          ".",
          "..",
          "/",
          "os",
          "os/a",
          "os/l",
          ".ssh",
          "../.ssh",
          ".bashrc",
          "../outside",
          "os/../.bashrc",
          "l",
          "a",
          "/outside");
  private static final List<Character> TYPES =
      List.of('0', '0', '5', '5', '5', '2', '2', '1', '6', '3', '4');
  private static final List<String> ASKED = List.of("os", "os", "os", ".ssh", ".bashrc", ".", "..");

  private static final String TOP = new TempFile("copy").directory();
  private static final String HOME = TOP + "/home";

  private CopyOutFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int mode = input.next();
    String name = input.choose(ASKED);
    boolean directory = (mode & 2) != 0;
    boolean links = (mode & 4) != 0;
    byte[] rest = input.rest();
    if ((mode & 1) != 0) {
      rest = program(new Input(rest));
    } else {
      TarRepair.checksums(rest);
    }
    make();
    Map<String, String> before = everything();
    List<String> notes = new ArrayList<>();
    Optional<Boolean> copied = copy(name, directory, links, rest, notes);
    Map<String, String> after = everything();
    if (copied.isEmpty()) {
      Expect.same(before, after);
    } else {
      arrived(name, directory, links, before, after);
      bounded(rest.length);
    }
    for (String note : notes) {
      Expect.printable(note);
    }
    Expect.that(notes.size() <= 21, "notes ", notes.size());
  }

  private static Optional<Boolean> copy(
      String name, boolean directory, boolean links, byte[] tar, List<String> notes) {
    return Expect.parsed(
        () -> {
          try {
            new CopyOut(name, directory, links, notes::add)
                .extract(new ByteArrayInputStream(tar), HOME, () -> {});
            return true;
          } catch (ArchiveException e) {
            Expect.printable(e.getMessage());
            throw e;
          }
        },
        ArchiveException.class,
        LinuxException.class,
        UncheckedIOException.class);
  }

  /** A home directory, and a file next to it. */
  private static void make() {
    FileTree.removeTree(HOME);
    Fs.makeDirectory(HOME, 0755);
    Fs.makeDirectory(HOME + "/.ssh", 0700);
    write(HOME + "/.ssh/keys");
    write(HOME + "/.bashrc");
    write(TOP + "/outside");
  }

  private static void write(String path) {
    FileContent.write(path, "mine".getBytes(StandardCharsets.UTF_8), 0600);
  }

  /** Paths below the top, with what each of them is; no link is followed. */
  private static Map<String, String> everything() {
    Map<String, String> found = new TreeMap<>();
    look(TOP, "", found);
    return found;
  }

  private static void look(String directory, String below, Map<String, String> found) {
    for (String name : Fs.list(directory)) {
      String path = directory + "/" + name;
      Stat stat = Fs.lstat(path);
      String content = stat.isRegular() ? FileContent.readString(path, 16) : "";
      found.put(below + name, describe(stat) + content);
      if (stat.isDirectory()) {
        look(path, below + name + "/", found);
      }
    }
  }

  private static String describe(Stat stat) {
    return Integer.toOctalString(stat.mode())
        + (stat.isDirectory() ? "" : " " + stat.inode() + " " + stat.size())
        + " "
        + stat.uid()
        + " "
        + stat.links()
        + " ";
  }

  private static void arrived(
      String name,
      boolean directory,
      boolean links,
      Map<String, String> before,
      Map<String, String> after) {
    String place = name.equals(".") ? "home/" : "home/" + name;
    for (Map.Entry<String, String> each : before.entrySet()) {
      if (!each.getKey().startsWith(place) && !each.getKey().equals("home")) {
        Expect.same(each.getValue(), after.getOrDefault(each.getKey(), "gone"));
      }
      Expect.that(after.containsKey(each.getKey()), "gone: ", each.getKey());
    }
    for (String path : after.keySet()) {
      Expect.that(!path.contains(".casemate-cp-"), "left behind: ", path);
      if (!before.containsKey(path)) {
        boolean below = path.startsWith(place.endsWith("/") ? place : place + "/");
        Expect.that(path.equals(place) || below, "beside what was asked for: ", path);
        Stat stat = Fs.lstat(TOP + "/" + path);
        Expect.that(stat.isRegular() || stat.isDirectory() || stat.isSymlink(), "a node: ", path);
        Expect.same(Processes.effectiveUid(), stat.uid());
        Expect.that((stat.permissions() & 06000) == 0, "set-id: ", path);
      }
    }
    Stat top = Fs.lstat(TOP + "/" + place);
    Expect.that(
        directory ? top.isDirectory() : top.isRegular() || (links && top.isSymlink()),
        "not what was announced: ",
        Integer.toOctalString(top.mode()));
  }

  /** The disk holds no more than the archive had, each file rounded up; holes take nothing. */
  private static void bounded(int archive) {
    long blocks = 0;
    int files = 0;
    for (String path : everything().keySet()) {
      Stat stat = Fs.lstat(TOP + "/" + path);
      blocks += stat.isRegular() ? stat.blocks() : 0;
      files++;
    }
    Expect.that(files <= 8 + archive / 512, "files ", files);
    Expect.that(blocks * 512 <= archive + files * 8192L, "blocks ", blocks);
  }

  /** An archive of entries, each of four bytes: type, name, link, content. */
  private static byte[] program(Input input) {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    for (int i = 0; i < 24 && input.hasMore(); i++) {
      byte[] header = new byte[512];
      char type = input.choose(TYPES);
      put(header, 0, input.choose(NAMES));
      put(header, 157, input.choose(LINKS));
      int size = type == '0' ? input.next() % 16 : 0;
      put(header, 100, "0006755");
      put(header, 108, "0000007");
      put(header, 116, "0000007");
      put(header, 124, "000000000" + (char) ('0' + size / 8) + (char) ('0' + size % 8));
      put(header, 136, "00000000000");
      put(header, 329, "0000001");
      put(header, 337, "0000003");
      header[156] = (byte) type;
      tar.writeBytes(header);
      if (size > 0) {
        tar.writeBytes(
            Arrays.copyOf("evil contents of a file".getBytes(StandardCharsets.UTF_8), 512));
      }
    }
    tar.writeBytes(new byte[1024]);
    byte[] bytes = tar.toByteArray();
    TarRepair.checksums(bytes);
    return bytes;
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }
}
