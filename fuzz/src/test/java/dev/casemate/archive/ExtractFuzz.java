package dev.casemate.archive;

import dev.casemate.fuzz.Expect;
import dev.casemate.fuzz.Fuzzes;
import dev.casemate.fuzz.Input;
import dev.casemate.fuzz.TempFile;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Unpacks two layers over each other, and looks at a canary directory next to the root: nothing
 * there may change. Inputs with an even first byte are archives; the others are short programs that
 * a hostile archive is made of, which gets the fuzzer to links below links in no time.
 */
@Fuzzes({RootedExtractor.class, RootedPaths.class, Whiteouts.class})
public final class ExtractFuzz {
  private static final List<String> NAMES =
      List.of(
          "a",
          "b",
          "a/b",
          "a/b/c",
          "l",
          "l/x",
          "l/l",
          "../canary/x",
          "a/../../canary/x",
          "/etc/x",
          "..",
          ".",
          "./a",
          "l/../x",
          "a/.wh.b",
          ".wh.l",
          ".wh..wh..opq",
          "a/.wh..wh..opq",
          "l/.wh.secret",
          ".wh...",
          "a//b",
          "b/");
  private static final List<String> LINKS =
      List.of(
          "a",
          "b",
          "..",
          "../canary",
          "../../canary",
          "/",
          "/canary",
          "../canary/secret",
          ".",
          "a/b",
          "l",
          "/proc/self/cwd",
          "a/../..",
          "b/l");
  private static final List<Character> TYPES =
      List.of('0', '1', '2', '2', '2', '5', '5', '6', '3', '1');

  private static final String TOP = new TempFile("extract").directory();
  private static final String ROOT = TOP + "/root";
  private static final String SECRET = TOP + "/canary/secret";

  static {
    Fs.makeDirectory(TOP + "/canary", 0755);
    FileContent.write(SECRET, "secret".getBytes(StandardCharsets.UTF_8), 0600);
  }

  private ExtractFuzz() {}

  public static synchronized void fuzzerTestOneInput(byte[] data) {
    Input input = new Input(data);
    int mode = input.next();
    byte[] rest = input.rest();
    byte[] upper = rest;
    if ((mode & 1) != 0) {
      rest = program(new Input(rest));
    } else {
      TarRepair.checksums(rest);
      upper = rest.clone();
    }
    String before = canary();
    Fs.makeDirectory(ROOT, 0755);
    try (Fd root = Fs.open(ROOT, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      unpack(root, rest, (mode & 2) != 0);
      Expect.same(before, canary());
      if ((mode & 1) != 0) {
        upper = program(new Input(reversed(upper)));
      }
      unpack(root, upper, (mode & 4) != 0);
    } finally {
      FileTree.removeTree(ROOT);
    }
    Expect.same(before, canary());
  }

  private static void unpack(Fd root, byte[] tar, boolean whiteouts) {
    RootedExtractor.Options options = new RootedExtractor.Options(whiteouts, 1 << 20, 200, 1 << 20);
    Expect.parsed(
        () -> {
          try (RootedExtractor extractor = new RootedExtractor(root, options)) {
            extractor.extract(new TarReader(new ByteArrayInputStream(tar), false));
            Expect.that(extractor.bytes() <= options.maxBytes(), "bytes ", extractor.bytes());
            return extractor.entries();
          } catch (ArchiveException e) {
            Expect.printable(e.getMessage());
            throw e;
          }
        },
        ArchiveException.class,
        LinuxException.class,
        UncheckedIOException.class);
  }

  /** All that could be done to the canary from the root. */
  private static String canary() {
    StringBuilder seen = new StringBuilder();
    for (String path : List.of(TOP + "/canary", SECRET)) {
      Stat stat = Fs.lstat(path);
      seen.append(stat.permissions()).append(' ').append(stat.uid()).append(' ');
      seen.append(stat.inode()).append(' ').append(stat.size()).append('\n');
    }
    return seen.append(Fs.list(TOP + "/canary"))
        .append(FileContent.readString(SECRET, 100))
        .toString();
  }

  private static byte[] reversed(byte[] bytes) {
    byte[] reversed = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      reversed[i] = bytes[bytes.length - 1 - i];
    }
    return reversed;
  }

  /** An archive of entries, each of four bytes: type, name, link, content. */
  private static byte[] program(Input input) {
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    for (int i = 0; i < 24 && input.hasMore(); i++) {
      byte[] header = new byte[512];
      char type = input.choose(TYPES);
      put(header, 0, input.choose(NAMES));
      put(header, 157, input.choose(LINKS));
      int size = type == '0' ? input.next() % 16 : input.next() * 0;
      put(header, 100, "0000755");
      put(header, 108, "0000000");
      put(header, 116, "0000000");
      put(header, 124, "000000000" + (char) ('0' + size / 8) + (char) ('0' + size % 8));
      put(header, 136, "00000000000");
      put(header, 329, "0000001");
      put(header, 337, "0000003");
      header[156] = (byte) type;
      tar.writeBytes(header);
      if (size > 0) {
        tar.writeBytes(Arrays.copyOf("overwritten contents".getBytes(StandardCharsets.UTF_8), 512));
      }
    }
    byte[] bytes = tar.toByteArray();
    TarRepair.checksums(bytes);
    return bytes;
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }
}
