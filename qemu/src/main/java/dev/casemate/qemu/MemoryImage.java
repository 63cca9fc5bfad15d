package dev.casemate.qemu;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;

/** Writes a VM's memory as a sparse file: pages of zeros become holes. */
final class MemoryImage {
  private static final int PAGE = 4096;
  private static final int PIECE = 64 * PAGE;
  private static final int DATA = 3;

  private MemoryImage() {}

  static void write(Fd from, Fd to) {
    long size = Fs.stat(from).size();
    FileContent.truncate(to, size);
    byte[] piece = new byte[PIECE];
    long at = FileContent.seek(from, 0, DATA);
    while (at >= 0 && at < size) {
      FileContent.seek(from, at, 0);
      int n = from.read(piece, 0, (int) Math.min(PIECE, size - at));
      if (n <= 0) {
        break;
      }
      write(piece, n, to, at);
      at = FileContent.seek(from, at + n, DATA);
    }
  }

  /** Writes runs of pages that hold something. */
  private static void write(byte[] piece, int length, Fd to, long at) {
    int begin = 0;
    while (begin < length) {
      int end = begin;
      while (end < length && !FileContent.isZero(piece, end, Math.min(end + PAGE, length))) {
        end = Math.min(end + PAGE, length);
      }
      if (end > begin) {
        FileContent.seek(to, at + begin, 0);
        to.writeAll(piece, begin, end - begin);
      }
      begin = end + PAGE;
    }
  }
}
