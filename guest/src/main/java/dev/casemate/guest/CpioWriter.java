package dev.casemate.guest;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes a cpio archive in the "newc" format that the kernel unpacks as its first root ({@code
 * Documentation/driver-api/early-userspace/buffer-format.rst}).
 *
 * <p>Everything is owned by root and dated 1970: the same input gives the same bytes. Entries come
 * out in the order of the calls, and a directory has to come before what lies in it, because the
 * kernel makes no missing ones.
 */
final class CpioWriter implements AutoCloseable {
  private static final int S_IFDIR = 0040000;
  private static final int S_IFCHR = 0020000;
  private static final int S_IFREG = 0100000;
  private static final int HEADER_BYTES = 110;
  private static final int BLOCK_BYTES = 512;
  private static final long MAXIMUM_FILE_BYTES = 0xFFFFFFFFL;

  private final OutputStream out;
  private final Set<String> directories = new HashSet<>();
  private long written;
  private int nextInode = 1;
  private boolean finished;

  /** Writes to {@code out}, which the caller buffers; {@link #close} closes it. */
  CpioWriter(OutputStream out) {
    this.out = out;
  }

  /** Adds an empty directory; {@code path} is relative, such as {@code lib/modules}. */
  void directory(String path, int permissions) throws IOException {
    header(path, S_IFDIR | permissions, 2, 0, 0, 0);
    directories.add(path);
  }

  /** Adds a regular file with the given content. */
  void file(String path, int permissions, byte[] content) throws IOException {
    header(path, S_IFREG | permissions, 1, content.length, 0, 0);
    out.write(content);
    written += content.length;
    pad(4);
  }

  /** Adds a regular file with the content of {@code source}. */
  void file(String path, int permissions, Path source) throws IOException {
    long size = Files.size(source);
    header(path, S_IFREG | permissions, 1, size, 0, 0);
    try (InputStream in = Files.newInputStream(source)) {
      long copied = in.transferTo(out);
      if (copied != size) {
        throw new IOException(
            source
                + " changed while it was read: "
                + size
                + " bytes expected, "
                + copied
                + " read");
      }
    }
    written += size;
    pad(4);
  }

  /** Adds a character device node. */
  void characterDevice(String path, int permissions, int major, int minor) throws IOException {
    header(path, S_IFCHR | permissions, 1, 0, major, minor);
  }

  /** Writes the end mark and fills the last block. */
  void finish() throws IOException {
    if (!finished) {
      finished = true;
      entry("TRAILER!!!", 0, 0, 1, 0, 0, 0);
      pad(BLOCK_BYTES);
      out.flush();
    }
  }

  /** Bytes written so far. */
  long bytes() {
    return written;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  private void header(String path, int mode, int links, long size, int major, int minor)
      throws IOException {
    if (path.isEmpty() || path.startsWith("/") || path.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("not a relative path: '" + path + "'");
    }
    int slash = path.lastIndexOf('/');
    if (slash >= 0 && !directories.contains(path.substring(0, slash))) {
      throw new IllegalArgumentException("no directory for " + path + " was added before it");
    }
    entry(path, nextInode++, mode, links, size, major, minor);
  }

  private void entry(String path, int inode, int mode, int links, long size, int major, int minor)
      throws IOException {
    if (size > MAXIMUM_FILE_BYTES) {
      throw new IOException(
          path + " has " + size + " bytes; a cpio archive holds files below 4 GiB");
    }
    byte[] name = path.getBytes(StandardCharsets.UTF_8);
    byte[] header = new byte[HEADER_BYTES];
    byte[] magic = {'0', '7', '0', '7', '0', '1'};
    System.arraycopy(magic, 0, header, 0, magic.length);
    // inode, mode, uid, gid, links, mtime, size, device major/minor, rdev major/minor, name size,
    // checksum
    long[] fields = {inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name.length + 1L, 0};
    for (int i = 0; i < fields.length; i++) {
      hex(header, 6 + 8 * i, fields[i]);
    }
    out.write(header);
    out.write(name);
    out.write(0);
    written += HEADER_BYTES + name.length + 1L;
    pad(4);
  }

  private static void hex(byte[] to, int offset, long value) {
    for (int i = 0; i < 8; i++) {
      to[offset + i] = (byte) "0123456789ABCDEF".charAt((int) (value >>> (28 - 4 * i)) & 15);
    }
  }

  private void pad(int multiple) throws IOException {
    while (written % multiple != 0) {
      out.write(0);
      written++;
    }
  }
}
