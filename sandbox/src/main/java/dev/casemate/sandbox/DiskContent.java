package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.linux.SystemCall;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * What is on a disk, an image file or a block device, as one file without the disk's empty parts:
 * archives that know nothing of holes, as containerd's, may hold it.
 *
 * <p>The file begins with {@code CMDISK1\n} and the disk's size; then come pieces of up to 64 KiB,
 * each with its offset and length, in rising order; an offset of −1 ends it. Numbers are
 * big-endian, 8 bytes, a length 4.
 */
final class DiskContent {
  private static final long MAGIC = 0x434d4449534b310aL;
  private static final int PIECE = 64 * 1024;
  private static final int HEADER = 12;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_END = 2;
  private static final int BLKZEROOUT = 0x127f;

  private DiskContent() {}

  /** Bytes that a disk has. */
  static long size(String path) {
    try (Fd disk = Fs.open(path, OpenFlag.READ_ONLY)) {
      return size(disk);
    }
  }

  private static long size(Fd disk) {
    long size = FileContent.seek(disk, 0, SEEK_END);
    FileContent.seek(disk, 0, 0);
    return size;
  }

  /** Tells images apart that lie at the same path at different times: a sum of its beginning. */
  static long fingerprint(String path) {
    byte[] piece = new byte[PIECE];
    try (Fd disk = Fs.open(path, OpenFlag.READ_ONLY)) {
      CRC32C sum = new CRC32C();
      sum.update(piece, 0, fill(disk, piece, PIECE));
      return sum.getValue();
    }
  }

  /** Writes a disk's content to a file. */
  static void save(String path, String file) {
    int create = OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE;
    try (Fd disk = Fs.open(path, OpenFlag.READ_ONLY);
        Fd to = Fs.open(file, create, 0600)) {
      boolean holes = Fs.stat(disk).isRegular();
      long size = size(disk);
      byte[] piece = new byte[HEADER + PIECE];
      ByteBuffer header = ByteBuffer.wrap(piece);
      to.writeAll(header.putLong(0, MAGIC).putLong(8, size).array(), 0, 16);
      long at = 0;
      while (at < size) {
        if (holes) {
          long data = FileContent.seek(disk, at, SEEK_DATA);
          if (data < 0) {
            break;
          }
          at = data - data % PIECE;
          FileContent.seek(disk, at, 0);
        }
        int n = read(disk, piece, HEADER, PIECE);
        if (n == 0) {
          break;
        }
        if (!FileContent.isZero(piece, HEADER, HEADER + n)) {
          header.putLong(0, at).putInt(8, n);
          to.writeAll(piece, 0, HEADER + n);
        }
        at += n;
      }
      to.writeAll(header.putLong(0, -1).array(), 0, 8);
    }
  }

  private static int fill(Fd from, byte[] bytes, int length) {
    return read(from, bytes, 0, length);
  }

  /** As many as there are, up to {@code length}. */
  private static int read(Fd from, byte[] bytes, int offset, int length) {
    int done = 0;
    while (done < length) {
      int n = from.read(bytes, offset + done, length - done);
      if (n == Fd.END) {
        break;
      }
      done += n;
    }
    return done;
  }

  /**
   * Gives a disk the content that was saved, whatever is on it.
   *
   * @throws CasemateException FAILED_PRECONDITION if it has another size, CORRUPT if the file is
   *     damaged
   */
  static void restore(String file, String path) {
    byte[] piece = new byte[PIECE];
    ByteBuffer header = ByteBuffer.wrap(new byte[16]);
    try (Fd from = VmCheckpoint.open(file);
        Fd disk = Fs.open(path, OpenFlag.READ_WRITE)) {
      if (read(from, header.array(), 0, 16) != 16 || header.getLong(0) != MAGIC) {
        throw damaged(file);
      }
      long size = header.getLong(8);
      if (size(disk) != size) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION,
            "disk "
                + path
                + " has "
                + size(disk)
                + " bytes, but the disk that was saved as "
                + file
                + " has "
                + size
                + ": restore on a snapshot of the same size");
      }
      clear(disk, size);
      long end = 0;
      while (true) {
        if (read(from, header.array(), 0, 8) != 8) {
          throw damaged(file);
        }
        long at = header.getLong(0);
        if (at == -1) {
          break;
        }
        if (read(from, header.array(), 8, 4) != 4) {
          throw damaged(file);
        }
        int length = header.getInt(8);
        if (at < end || length <= 0 || length > PIECE || at > size - length) {
          throw damaged(file);
        }
        if (read(from, piece, 0, length) != length) {
          throw damaged(file);
        }
        FileContent.seek(disk, at, 0);
        disk.writeAll(piece, 0, length);
        end = at + length;
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INTERNAL, "disk " + path + " cannot be restored: " + e.getMessage(), e);
    }
  }

  private static void clear(Fd disk, long size) {
    if (Fs.stat(disk).type() == Stat.BLOCK) {
      try (NativeBuffer range = NativeBuffer.allocate(16)) {
        range.putLong(0, 0).putLong(8, size);
        SystemCall.check(
            SystemCall.raw(SystemCall.IOCTL, disk.number(), BLKZEROOUT, range.address()),
            "ioctl(BLKZEROOUT)",
            disk.toString());
      }
      return;
    }
    FileContent.truncate(disk, 0);
    FileContent.truncate(disk, size);
  }

  private static CasemateException damaged(String file) {
    return CasemateException.of(
        Kind.CORRUPT, "checkpoint file " + file + " is damaged; make the checkpoint again");
  }
}
