package dev.casemate.guest;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads "newc" archives as {@code init/initramfs.c} of the kernel does. */
final class CpioReader {
  record Entry(
      String path,
      long inode,
      int mode,
      long uid,
      long gid,
      long mtime,
      long major,
      long minor,
      String content) {}

  private CpioReader() {}

  static List<Entry> read(byte[] archive) {
    List<Entry> entries = new ArrayList<>();
    int at = 0;
    while (true) {
      String magic = text(archive, at, 6);
      if (!magic.equals("070701")) {
        throw new AssertionError("no header at " + at + ": " + magic);
      }
      long[] fields = new long[13];
      for (int i = 0; i < 13; i++) {
        fields[i] = Long.parseLong(text(archive, at + 6 + 8 * i, 8), 16);
      }
      int nameBytes = (int) fields[11];
      String path = text(archive, at + 110, nameBytes - 1);
      if (archive[at + 110 + nameBytes - 1] != 0) {
        throw new AssertionError("name does not end with NUL at " + at);
      }
      int content = align(at + 110 + nameBytes);
      if (path.equals("TRAILER!!!")) {
        for (byte b : Arrays.copyOfRange(archive, content, archive.length)) {
          if (b != 0) {
            throw new AssertionError("data after the trailer");
          }
        }
        return entries;
      }
      int size = (int) fields[6];
      entries.add(
          new Entry(
              path,
              fields[0],
              (int) fields[1],
              fields[2],
              fields[3],
              fields[5],
              fields[9],
              fields[10],
              text(archive, content, size)));
      at = align(content + size);
    }
  }

  private static int align(int at) {
    return (at + 3) & ~3;
  }

  private static String text(byte[] bytes, int at, int length) {
    return new String(bytes, at, length, StandardCharsets.ISO_8859_1);
  }
}
