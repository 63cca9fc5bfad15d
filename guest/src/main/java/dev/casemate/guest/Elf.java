package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A view of a 64-bit little-endian x86 ELF file (ELF-64 Object File Format 1.5, System V ABI
 * x86-64).
 */
final class Elf {
  static final int PT_LOAD = 1;
  static final int PT_INTERP = 3;
  static final int PT_NOTE = 4;
  private static final int SHT_NOBITS = 8;
  private static final int EM_X86_64 = 62;
  private static final int HEADER_BYTES = 64;

  /**
   * A segment that is mapped when the file runs.
   *
   * @param type {@code PT_LOAD}, {@code PT_NOTE}, …
   * @param offset where its content starts in the file
   * @param bytes length of its content in the file
   */
  record Segment(int type, long offset, long bytes) {}

  /**
   * A section.
   *
   * @param headerOffset where its section header lies in the file
   * @param offset where its content starts in the file
   * @param bytes length of its content; nothing lies in the file for a NOBITS section
   */
  record Section(String name, int type, int headerOffset, long offset, long bytes) {}

  private final ByteBuffer bytes;
  private final String what;

  private Elf(ByteBuffer bytes, String what) {
    this.bytes = bytes;
    this.what = what;
  }

  static boolean isElf(byte[] content) {
    return content.length >= 4
        && content[0] == 0x7F
        && content[1] == 'E'
        && content[2] == 'L'
        && content[3] == 'F';
  }

  /**
   * Reads the header and checks that all of the file is there.
   *
   * @param what names the file in errors
   */
  static Elf parse(byte[] content, String what) {
    ByteBuffer bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    if (!isElf(content) || content.length < HEADER_BYTES) {
      throw corrupt(what, "it is not an ELF file");
    }
    if (content[4] != 2 || content[5] != 1) {
      throw corrupt(what, "it is not a 64-bit little-endian ELF file");
    }
    int machine = Short.toUnsignedInt(bytes.getShort(18));
    if (machine != EM_X86_64) {
      throw corrupt(what, "it is for ELF machine " + machine + ", not for x86-64 (62)");
    }
    Elf elf = new Elf(bytes, what);
    for (Segment segment : elf.segments()) {
      elf.slice(segment.offset(), segment.bytes());
    }
    return elf;
  }

  List<Segment> segments() {
    long offset = bytes.getLong(32);
    int size = Short.toUnsignedInt(bytes.getShort(54));
    int count = Short.toUnsignedInt(bytes.getShort(56));
    List<Segment> segments = new ArrayList<>();
    if (count == 0) {
      return segments;
    }
    if (size < 56) {
      throw corrupt(what, "its program headers have " + size + " bytes");
    }
    ByteBuffer table = slice(offset, (long) size * count);
    for (int i = 0; i < count; i++) {
      int at = i * size;
      segments.add(new Segment(table.getInt(at), table.getLong(at + 8), table.getLong(at + 32)));
    }
    return segments;
  }

  List<Section> sections() {
    long offset = bytes.getLong(40);
    int size = Short.toUnsignedInt(bytes.getShort(58));
    int count = Short.toUnsignedInt(bytes.getShort(60));
    int namesIndex = Short.toUnsignedInt(bytes.getShort(62));
    List<Section> sections = new ArrayList<>();
    if (count == 0) {
      return sections;
    }
    if (size < HEADER_BYTES || namesIndex >= count) {
      throw corrupt(what, "its section headers are damaged");
    }
    ByteBuffer table = slice(offset, (long) size * count);
    int namesAt = namesIndex * size;
    ByteBuffer names = slice(table.getLong(namesAt + 24), table.getLong(namesAt + 32));
    for (int i = 0; i < count; i++) {
      int at = i * size;
      int type = table.getInt(at + 4);
      long start = table.getLong(at + 24);
      long length = table.getLong(at + 32);
      if (type != SHT_NOBITS) {
        slice(start, length);
      }
      sections.add(
          new Section(name(names, table.getInt(at)), type, (int) offset + at, start, length));
    }
    return sections;
  }

  Optional<Section> section(String name) {
    for (Section section : sections()) {
      if (section.name().equals(name)) {
        return Optional.of(section);
      }
    }
    return Optional.empty();
  }

  /**
   * The file without the zeros at the ends of its loaded segments, and without what is not loaded
   * and comes last. Who loads it has zeros there anyway: a VMM would map, copy and keep them, a
   * quarter of a kernel.
   */
  static byte[] withoutZeros(byte[] content, String what) {
    Elf elf = parse(content, what);
    byte[] trimmed = content.clone();
    ByteBuffer header = ByteBuffer.wrap(trimmed).order(ByteOrder.LITTLE_ENDIAN);
    int table = (int) header.getLong(32);
    int size = Short.toUnsignedInt(header.getShort(54));
    List<Segment> segments = elf.segments();
    long end = table + (long) size * segments.size();
    for (int i = 0; i < segments.size(); i++) {
      Segment segment = segments.get(i);
      long bytes = segment.bytes();
      if (segment.type() == PT_LOAD) {
        ByteBuffer data = elf.slice(segment.offset(), bytes);
        while (bytes > 0 && data.get((int) bytes - 1) == 0) {
          bytes--;
        }
        header.putLong(table + i * size + 32, bytes);
      }
      end = Math.max(end, segment.offset() + bytes);
    }
    // No section headers: they stand behind the segments.
    header.putLong(40, 0).putShort(58, (short) HEADER_BYTES).putShort(60, (short) 0);
    header.putShort(62, (short) 0);
    return Arrays.copyOf(trimmed, (int) Math.max(end, HEADER_BYTES));
  }

  /** The bytes of a range of the file; CORRUPT when it does not lie inside the file. */
  ByteBuffer slice(long offset, long length) {
    if (offset < 0 || length < 0 || offset > bytes.capacity() - length) {
      throw corrupt(
          what,
          "it is truncated: its headers refer to data up to byte "
              + (offset + length)
              + ", but its size is "
              + bytes.capacity());
    }
    return bytes.slice((int) offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private String name(ByteBuffer names, int offset) {
    int end = offset;
    while (end >= 0 && end < names.capacity() && names.get(end) != 0) {
      end++;
    }
    if (offset < 0 || end >= names.capacity()) {
      throw corrupt(what, "its section names are damaged");
    }
    byte[] name = new byte[end - offset];
    names.get(offset, name);
    return new String(name, StandardCharsets.ISO_8859_1);
  }

  private static CasemateException corrupt(String what, String why) {
    return CasemateException.of(CasemateException.Kind.CORRUPT, what + " cannot be used: " + why);
  }
}
