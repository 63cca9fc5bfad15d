package dev.casemate.archive;

import dev.casemate.archive.TarEntry.Segment;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads tar archives of all common kinds from a stream: v7, POSIX ustar and pax (pax(1)), GNU with
 * long names and sparse files. For archives from anywhere: every number is bounded before use, at
 * most {@value #MAX_HEADER_BYTES} bytes of extended headers are held for an entry.
 *
 * <p>Errors are {@link ArchiveException}s; those of the stream itself pass as {@link
 * UncheckedIOException}.
 */
public final class TarReader {
  static final int BLOCK = 512;
  static final int MAX_HEADER_BYTES = 1 << 20;
  private static final int MAX_SEGMENTS = 65536;

  private final InputStream in;
  private final boolean endRequired;
  private final byte[] header = new byte[BLOCK];
  private long stored;
  private long padding;
  private boolean ended;

  /**
   * A reader at the start of an archive.
   *
   * @param endRequired whether a stream that ends between two entries, without the two zero blocks
   *     that mark the end, is an error; some writers leave them out
   */
  public TarReader(InputStream in, boolean endRequired) {
    this.in = in;
    this.endRequired = endRequired;
  }

  /** Skips what is left of the current entry and returns the next one; empty at the end. */
  public Optional<TarEntry> next() {
    try {
      return ended ? Optional.empty() : read();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Reads stored data of the current entry.
   *
   * @return the count, or −1 when all has been read
   */
  public int read(byte[] bytes, int offset, int length) {
    if (stored == 0) {
      return -1;
    }
    try {
      int n = in.read(bytes, offset, (int) Math.min(length, stored));
      if (n < 0) {
        throw cutOff();
      }
      stored -= n;
      return n;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ArchiveException cutOff() {
    return ArchiveException.malformed("the archive is truncated in the middle of an entry");
  }

  private void skipFully(long count) throws IOException {
    long left = count;
    while (left > 0) {
      long n = in.skip(left);
      if (n <= 0) {
        if (in.read() < 0) {
          throw cutOff();
        }
        n = 1;
      }
      left -= n;
    }
  }

  /** Reads a whole header block; false at a clean end of the stream. */
  private boolean readBlock() throws IOException {
    int n = in.readNBytes(header, 0, BLOCK);
    if (n == 0) {
      return false;
    }
    if (n < BLOCK) {
      throw cutOff();
    }
    return true;
  }

  private byte[] readStored(String what) throws IOException {
    if (stored > MAX_HEADER_BYTES) {
      throw ArchiveException.malformed(
          what + " of " + stored + " bytes; at most " + MAX_HEADER_BYTES + " are accepted");
    }
    byte[] content = in.readNBytes((int) stored);
    if (content.length < stored) {
      throw cutOff();
    }
    stored = 0;
    skipFully(padding);
    padding = 0;
    return content;
  }

  private Optional<TarEntry> read() throws IOException {
    Map<String, byte[]> pax = new LinkedHashMap<>();
    String longName = "";
    String longLink = "";
    long extended = 0;
    while (true) {
      skipFully(stored + padding);
      stored = 0;
      padding = 0;
      if (!readBlock()) {
        ended = true;
        if (endRequired) {
          throw ArchiveException.malformed(
              "the archive ends without its end marker: it is truncated");
        }
        return Optional.empty();
      }
      if (isZero(header)) {
        ended = true;
        return Optional.empty();
      }
      TarFields.verifyChecksum(header);
      char flag = (char) (header[156] & 0xff);
      long size = TarFields.number(header, 124, 12, "size", 0);
      stored = size;
      padding = -size & (BLOCK - 1);
      switch (flag) {
        case 'x', 'X', 'g', 'L', 'K' -> {
          extended += BLOCK + size;
          if (size > MAX_HEADER_BYTES || extended > MAX_HEADER_BYTES) {
            throw ArchiveException.malformed(
                "extended headers of more than " + MAX_HEADER_BYTES + " bytes");
          }
          byte[] content = readStored("an extended header");
          if (flag == 'L') {
            longName = TarFields.text(content, 0, content.length);
          } else if (flag == 'K') {
            longLink = TarFields.text(content, 0, content.length);
          } else if (flag == 'g') {
            // Global headers carry comments in practice (git); those that name files are not for
            // us.
            TarFields.paxRecords(content, new LinkedHashMap<>());
          } else {
            TarFields.paxRecords(content, pax);
          }
        }
        default -> {
          return Optional.of(entry(flag, pax, longName, longLink));
        }
      }
    }
  }

  private TarEntry entry(char flag, Map<String, byte[]> pax, String longName, String longLink)
      throws IOException {
    String name = longName.isEmpty() ? TarFields.name(header) : longName;
    name = TarFields.override(pax, "path", name);
    String sparseName = TarFields.override(pax, "GNU.sparse.name", "");
    if (!sparseName.isEmpty()) {
      name = sparseName;
    }
    String link = longLink.isEmpty() ? TarFields.text(header, 157, 100) : longLink;
    link = TarFields.override(pax, "linkpath", link);
    if (name.isEmpty()) {
      throw ArchiveException.malformed("an entry without a name");
    }
    long size = TarFields.override(pax, "size", stored, name);
    stored = size;
    padding = -size & (BLOCK - 1);
    TarEntry.Type type = type(flag, name);
    List<Segment> segments = List.of();
    if (type == TarEntry.Type.FILE) {
      segments = segments(flag, pax, name);
      size = logicalSize;
    } else {
      // As in GNU tar and Go: what has no data has no data blocks, whatever the size field says.
      stored = 0;
      padding = 0;
      size = 0;
    }
    boolean device = type == TarEntry.Type.CHARACTER || type == TarEntry.Type.BLOCK;
    long[] time = TarFields.time(pax, TarFields.number(header, 136, 12, "mtime", Long.MIN_VALUE));
    return new TarEntry(
        name,
        type,
        (int) (TarFields.number(header, 100, 8, "mode", 0) & 0xfff),
        id(TarFields.override(pax, "uid", TarFields.number(header, 108, 8, "uid", 0), name), name),
        id(TarFields.override(pax, "gid", TarFields.number(header, 116, 8, "gid", 0), name), name),
        size,
        time[0],
        (int) time[1],
        type == TarEntry.Type.HARD_LINK || type == TarEntry.Type.SYMLINK ? link : "",
        device ? device(329, 0xfff, name) : 0,
        device ? device(337, 0xfffff, name) : 0,
        xattrs(pax),
        segments);
  }

  private int device(int at, int limit, String name) {
    long number = TarFields.number(header, at, 8, "device number", 0);
    if (number > limit) {
      throw ArchiveException.refused(
          name, "has device number " + number + ", which Linux does not support");
    }
    return (int) number;
  }

  private static int id(long id, String name) {
    if (id < 0 || id >= 0xffffffffL) {
      throw ArchiveException.refused(name, "has owner id " + id + ", expected 0 to 4294967294");
    }
    return (int) id;
  }

  private static TarEntry.Type type(char flag, String name) {
    return switch (flag) {
      case '0', '\0', '7' -> name.endsWith("/") ? TarEntry.Type.DIRECTORY : TarEntry.Type.FILE;
      case 'S' -> TarEntry.Type.FILE;
      case '1' -> TarEntry.Type.HARD_LINK;
      case '2' -> TarEntry.Type.SYMLINK;
      case '3' -> TarEntry.Type.CHARACTER;
      case '4' -> TarEntry.Type.BLOCK;
      case '5', 'D' -> TarEntry.Type.DIRECTORY;
      case '6' -> TarEntry.Type.FIFO;
      default ->
          throw ArchiveException.refused(name, "is of unknown type " + (int) flag + " (flag byte)");
    };
  }

  private static Map<String, byte[]> xattrs(Map<String, byte[]> pax) {
    Map<String, byte[]> xattrs = Map.of();
    for (Map.Entry<String, byte[]> record : pax.entrySet()) {
      if (record.getKey().startsWith("SCHILY.xattr.")) {
        if (xattrs.isEmpty()) {
          xattrs = new LinkedHashMap<>();
        }
        xattrs.put(record.getKey().substring("SCHILY.xattr.".length()), record.getValue());
      }
    }
    return xattrs;
  }

  private long logicalSize;

  /** The map of a sparse file in any of GNU's four formats; of others, one segment. */
  private List<Segment> segments(char flag, Map<String, byte[]> pax, String name)
      throws IOException {
    List<Segment> map = new ArrayList<>();
    if (flag == 'S') {
      oldGnuMap(map);
    } else if (pax.containsKey("GNU.sparse.major")) {
      String major = TarFields.override(pax, "GNU.sparse.major", "");
      if (!major.equals("1")) {
        throw ArchiveException.refused(
            name, "is sparse in unknown format " + ArchiveException.quote(major));
      }
      logicalSize = TarFields.override(pax, "GNU.sparse.realsize", 0, name);
      textMap(map, name);
    } else if (pax.containsKey("GNU.sparse.map")) {
      logicalSize = TarFields.override(pax, "GNU.sparse.size", 0, name);
      TarFields.sparseList(TarFields.override(pax, "GNU.sparse.map", ""), map);
    } else {
      logicalSize = stored;
      return stored == 0 ? List.of() : List.of(new Segment(0, stored));
    }
    long end = 0;
    long data = 0;
    for (Segment segment : map) {
      if (segment.offset() < end
          || segment.length() < 0
          || segment.length() > logicalSize - segment.offset()) {
        throw ArchiveException.malformed(
            "sparse map of entry " + ArchiveException.quote(name) + " is out of order or bounds");
      }
      end = segment.offset() + segment.length();
      data += segment.length();
    }
    if (data != stored) {
      throw ArchiveException.malformed(
          "sparse map of entry "
              + ArchiveException.quote(name)
              + " describes "
              + data
              + " bytes, but "
              + stored
              + " are stored");
    }
    return map;
  }

  static void add(List<Segment> map, long offset, long length) {
    if (map.size() >= MAX_SEGMENTS) {
      throw ArchiveException.malformed("a sparse map of more than " + MAX_SEGMENTS + " segments");
    }
    map.add(new Segment(offset, length));
  }

  private void oldGnuMap(List<Segment> map) throws IOException {
    logicalSize = TarFields.number(header, 483, 12, "sparse size", 0);
    boolean more = header[482] != 0;
    oldGnuSegments(map, header, 386, 4);
    byte[] block = new byte[BLOCK];
    for (int blocks = 0; more; blocks++) {
      if (blocks > MAX_SEGMENTS) {
        throw ArchiveException.malformed("a sparse map of more than " + MAX_SEGMENTS + " blocks");
      }
      if (in.readNBytes(block, 0, BLOCK) < BLOCK) {
        throw cutOff();
      }
      more = block[504] != 0;
      oldGnuSegments(map, block, 0, 21);
    }
  }

  private static void oldGnuSegments(List<Segment> map, byte[] block, int at, int count) {
    for (int i = 0; i < count; i++) {
      int start = at + 24 * i;
      if (block[start] == 0) {
        return;
      }
      add(
          map,
          TarFields.number(block, start, 12, "sparse offset", 0),
          TarFields.number(block, start + 12, 12, "sparse length", 0));
    }
  }

  /** Format 1.0: the map is decimal lines at the start of the data, padded to a block. */
  private void textMap(List<Segment> map, String name) throws IOException {
    long[] consumed = {0};
    long count = textNumber(consumed, name);
    for (long i = 0; i < count; i++) {
      long offset = textNumber(consumed, name);
      add(map, offset, textNumber(consumed, name));
    }
    long rest = -consumed[0] & (BLOCK - 1);
    if (consumed[0] + rest > stored) {
      throw cutOff();
    }
    skipFully(rest);
    stored -= consumed[0] + rest;
  }

  private long textNumber(long[] consumed, String name) throws IOException {
    long value = 0;
    for (int digits = 0; digits < 19; digits++) {
      int c = consumed[0] < stored ? in.read() : -1;
      consumed[0]++;
      if (c == '\n' && digits > 0) {
        return value;
      }
      if (c < '0' || c > '9') {
        break;
      }
      value = value * 10 + c - '0';
    }
    throw ArchiveException.malformed(
        "sparse map of entry " + ArchiveException.quote(name) + " is not a list of numbers");
  }

  private static boolean isZero(byte[] block) {
    for (byte b : block) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }
}
