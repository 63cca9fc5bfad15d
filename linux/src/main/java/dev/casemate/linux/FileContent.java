package dev.casemate.linux;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;

/** What is in files: as a whole by path, or by place in an open one. */
public final class FileContent {
  private static final int COPY_CHUNK = 64 * 1024;
  private static final AtomicInteger TEMPORARY = new AtomicInteger();

  private FileContent() {}

  /** Reads a whole file; one that holds more than {@code limit} bytes is an error (EFBIG). */
  public static byte[] readBytes(String path, int limit) {
    try (Fd fd = Fs.open(path, OpenFlag.READ_ONLY)) {
      return readBytes(fd, path, limit);
    }
  }

  /** Reads the rest of an open file; {@code subject} names it in errors. */
  public static byte[] readBytes(Fd fd, String subject, int limit) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    byte[] chunk = new byte[16 * 1024];
    while (true) {
      int n = fd.read(chunk, 0, chunk.length);
      if (n < 0) {
        return content.toByteArray();
      }
      if (content.size() + n > limit) {
        throw new LinuxException("read", subject, Errno.EFBIG);
      }
      content.write(chunk, 0, n);
    }
  }

  /** Reads a whole UTF-8 file of at most {@code limit} bytes. */
  public static String readString(String path, int limit) {
    return new String(readBytes(path, limit), StandardCharsets.UTF_8);
  }

  /**
   * Creates or replaces a file's content in place; see {@link #replace} where a reader may be
   * looking.
   */
  public static void write(String path, byte[] content, int mode) {
    try (Fd fd = Fs.open(path, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.TRUNCATE, mode)) {
      fd.writeAll(content);
    }
  }

  /** Writes to a file that exists, in a single write(2), as the kernel's control files require. */
  public static void writeControl(String path, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    try (Fd fd = Fs.open(path, OpenFlag.WRITE_ONLY)) {
      fd.write(bytes, 0, bytes.length);
    } catch (LinuxException e) {
      throw new LinuxException(e.call(), path + " \"" + value + "\"", e.errno());
    }
  }

  /**
   * Writes a file's whole new content next to it and renames it into place: a reader sees the old
   * or the new content, never a mixture.
   */
  public static void replace(String path, byte[] content, int mode) {
    String temporary = temporaryName(path);
    try {
      write(temporary, content, mode);
      Fs.rename(temporary, path);
    } catch (LinuxException e) {
      Fs.unlinkIfExists(temporary);
      throw e;
    }
  }

  /** A name next to a file for its new content, which no other thread or process uses. */
  public static String temporaryName(String path) {
    return path + ".new." + Processes.currentPid() + "." + TEMPORARY.incrementAndGet();
  }

  /** Sets a file's length; growing leaves a hole. */
  public static void truncate(Fd fd, long size) {
    SystemCall.check(
        SystemCall.raw(SystemCall.FTRUNCATE, fd.number(), size), "ftruncate", fd.toString());
  }

  public static void sync(Fd fd) {
    SystemCall.check(SystemCall.raw(SystemCall.FSYNC, fd.number()), "fsync", fd.toString());
  }

  /**
   * {@code lseek(2)}: whence 0 start, 1 current, 2 end, 3 next data, 4 next hole. Returns −1 for
   * ENXIO (no data after the offset).
   */
  public static long seek(Fd fd, long offset, int whence) {
    long at = SystemCall.raw(SystemCall.LSEEK, fd.number(), offset, whence);
    if (at == -Errno.ENXIO) {
      return -1;
    }
    return SystemCall.check(at, "lseek", fd.toString());
  }

  /**
   * Copies a sparse file: only its data; holes stay holes. By {@code copy_file_range(2)} where the
   * file system can, else (an overlay whose files lie in different layers, two file systems, an old
   * kernel) through memory, where blocks of zeros become holes.
   */
  public static void copySparse(String from, String to, int mode) {
    try (Fd source = Fs.open(from, OpenFlag.READ_ONLY);
        Fd target = Fs.open(to, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, mode);
        NativeBuffer offsets = NativeBuffer.allocate(16)) {
      long size = Fs.stat(source).size();
      truncate(target, size);
      boolean inKernel = true;
      long data = seek(source, 0, 3);
      while (data >= 0 && data < size) {
        long end = seek(source, data, 4);
        while (data < end) {
          long n = inKernel ? copyRange(source, target, offsets, data, end) : 0;
          // 0 with data left is what some file systems say instead of an error.
          inKernel = n > 0;
          data += inKernel ? n : copyChunk(source, target, data, end);
        }
        data = seek(source, end, 3);
      }
    }
  }

  /**
   * Copies the data of a sparse file into an empty one of another file system, by {@code
   * sendfile(2)}: twice as fast as through this process's memory. Holes stay holes.
   */
  public static void sendSparse(Fd source, Fd target) {
    try (NativeBuffer offset = NativeBuffer.allocate(8)) {
      long size = Fs.stat(source).size();
      truncate(target, size);
      long data = seek(source, 0, 3);
      while (data >= 0 && data < size) {
        long end = seek(source, data, 4);
        seek(target, data, 0);
        while (data < end) {
          offset.putLong(0, data);
          long n =
              SystemCall.check(
                  SystemCall.raw(
                      SystemCall.SENDFILE,
                      target.number(),
                      source.number(),
                      offset.address(),
                      end - data),
                  "sendfile",
                  source + " to " + target);
          if (n == 0) {
            throw new LinuxException("sendfile", source.toString(), Errno.EIO);
          }
          data += n;
        }
        data = seek(source, end, 3);
      }
    }
  }

  /** Bytes copied; 0 if the kernel cannot copy between these two. */
  private static long copyRange(Fd source, Fd target, NativeBuffer offsets, long at, long end) {
    offsets.putLong(0, at).putLong(8, at);
    long n =
        SystemCall.raw(
            SystemCall.COPY_FILE_RANGE,
            source.number(),
            offsets.address(),
            target.number(),
            offsets.address() + 8,
            end - at,
            0);
    if (n == -Errno.EXDEV || n == -Errno.EOPNOTSUPP || n == -Errno.ENOSYS || n == -Errno.EINVAL) {
      return 0;
    }
    return SystemCall.check(n, "copy_file_range", source + " to " + target);
  }

  /** Copies up to {@link #COPY_CHUNK} bytes; zeros stay a hole. */
  static int copyChunk(Fd source, Fd target, long at, long end) {
    byte[] chunk = new byte[(int) Math.min(COPY_CHUNK, end - at)];
    seek(source, at, 0);
    int n = source.read(chunk, 0, chunk.length);
    if (n <= 0) {
      throw new LinuxException("read", source.toString(), Errno.EIO);
    }
    if (!isZero(chunk, 0, n)) {
      seek(target, at, 0);
      target.writeAll(chunk, 0, n);
    }
    return n;
  }

  /** Whether bytes are all zero, from one index up to, not including, another. */
  public static boolean isZero(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }
}
