package dev.casemate.archive;

import java.util.List;
import java.util.Map;

/**
 * One entry of a tar archive, extended headers applied.
 *
 * @param name as written, {@code ./usr/bin/sh}; no NUL, valid UTF-8
 * @param mode permission bits with set-id and sticky bits, {@code mode & 07777}
 * @param size logical size in bytes; 0 for all but files
 * @param linkTarget of hard and symbolic links, else empty
 * @param xattrs extended attributes by full name, {@code security.capability}
 * @param segments where the stored data belong in the file: one segment unless it is sparse
 */
public record TarEntry(
    String name,
    Type type,
    int mode,
    int uid,
    int gid,
    long size,
    long mtimeSeconds,
    int mtimeNanos,
    String linkTarget,
    int deviceMajor,
    int deviceMinor,
    Map<String, byte[]> xattrs,
    List<Segment> segments) {

  /** A run of stored data: {@code length} bytes at {@code offset} of the file. */
  public record Segment(long offset, long length) {}

  /** The kind of file of an entry; the characters are those of the header's type flag. */
  public enum Type {
    FILE('0'),
    HARD_LINK('1'),
    SYMLINK('2'),
    CHARACTER('3'),
    BLOCK('4'),
    DIRECTORY('5'),
    FIFO('6');

    private final char flag;

    Type(char flag) {
      this.flag = flag;
    }

    char flag() {
      return flag;
    }
  }

  /** An entry without data, attributes or device numbers. */
  public static TarEntry plain(String name, Type type, int mode, String linkTarget) {
    return new TarEntry(name, type, mode, 0, 0, 0, 0, 0, linkTarget, 0, 0, Map.of(), List.of());
  }

  /** A regular file of the given size. */
  public static TarEntry file(String name, int mode, long size) {
    return new TarEntry(
        name, Type.FILE, mode, 0, 0, size, 0, 0, "", 0, 0, Map.of(), List.of(new Segment(0, size)));
  }
}
