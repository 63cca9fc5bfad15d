package dev.casemate.archive;

import dev.casemate.archive.TarEntry.Segment;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The fields of tar headers: numbers, names, pax records. */
final class TarFields {
  private TarFields() {}

  static void verifyChecksum(byte[] header) {
    int unsigned = 0;
    int signed = 0;
    for (int i = 0; i < TarReader.BLOCK; i++) {
      byte b = i >= 148 && i < 156 ? (byte) ' ' : header[i];
      unsigned += b & 0xff;
      signed += b;
    }
    long expected = number(header, 148, 8, "checksum", 0);
    // Some old writers summed signed characters.
    if (expected != unsigned && expected != signed) {
      throw ArchiveException.malformed(
          "a header's checksum is wrong: not a tar archive, or damaged");
    }
  }

  /** A number in octal digits, or base-256 if the first bit is set; empty counts as 0. */
  static long number(byte[] block, int at, int length, String what, long minimum) {
    long value = 0;
    if ((block[at] & 0x80) != 0) {
      boolean negative = (block[at] & 0x40) != 0;
      value = negative ? -1 : 0;
      for (int i = 0; i < length; i++) {
        int b = i == 0 ? (negative ? block[at] | ~0x7f : block[at] & 0x3f) : block[at + i] & 0xff;
        if (value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8) {
          throw wrong(what);
        }
        value = (value << 8) | (b & 0xff);
      }
    } else {
      int i = at;
      int end = at + length;
      while (i < end && (block[i] == ' ' || block[i] == 0)) {
        i++;
      }
      while (i < end && block[i] >= '0' && block[i] <= '7') {
        value = value << 3 | (block[i] - '0');
        i++;
      }
      if (i < end && block[i] != ' ' && block[i] != 0) {
        throw wrong(what);
      }
    }
    if (value < minimum) {
      throw wrong(what);
    }
    return value;
  }

  private static ArchiveException wrong(String what) {
    return ArchiveException.malformed("a header's " + what + " is not a valid number");
  }

  /** Text up to the first NUL. */
  static String text(byte[] bytes, int at, int length) {
    int end = at;
    while (end < at + length && bytes[end] != 0) {
      end++;
    }
    return decode(bytes, at, end - at);
  }

  /** Names must survive the way to the file system and back, so what is not UTF-8 is refused. */
  private static String decode(byte[] bytes, int at, int length) {
    boolean ascii = true;
    for (int i = at; i < at + length; i++) {
      ascii &= bytes[i] >= 0;
    }
    if (ascii) {
      return new String(bytes, at, length, StandardCharsets.US_ASCII);
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, at, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw ArchiveException.refused(
          new String(bytes, at, length, StandardCharsets.UTF_8), "has a name that is not UTF-8");
    }
  }

  /** The name of a header, with ustar's prefix where the header is a ustar one. */
  static String name(byte[] header) {
    String name = text(header, 0, 100);
    boolean ustar =
        header[257] == 'u' && header[261] == 'r' && header[262] == 0 && header[345] != 0;
    return ustar ? text(header, 345, 155) + "/" + name : name;
  }

  /** Splits pax records, {@code "<length> <key>=<value>\n"}; later ones win. */
  static void paxRecords(byte[] content, Map<String, byte[]> into) {
    int at = 0;
    StringBuilder sparse = new StringBuilder();
    while (at < content.length && content[at] != 0) {
      int length = 0;
      int digits = at;
      while (digits < content.length
          && digits < at + 8
          && content[digits] >= '0'
          && content[digits] <= '9') {
        length = length * 10 + content[digits++] - '0';
      }
      int end = at + length;
      if (digits == at
          || digits >= content.length
          || content[digits] != ' '
          || end > content.length
          || end <= digits + 2
          || content[end - 1] != '\n') {
        throw ArchiveException.malformed("a pax header is damaged");
      }
      int equals = digits + 1;
      while (equals < end && content[equals] != '=') {
        equals++;
      }
      if (equals >= end - 1 || equals == digits + 1) {
        throw ArchiveException.malformed("a pax header has a record without a key");
      }
      String key = decode(content, digits + 1, equals - digits - 1);
      byte[] value = new byte[end - 1 - equals - 1];
      System.arraycopy(content, equals + 1, value, 0, value.length);
      if (key.equals("GNU.sparse.offset") || key.equals("GNU.sparse.numbytes")) {
        // Format 0.0 repeats its keys; make it the list of format 0.1.
        sparse.append(sparse.isEmpty() ? "" : ",").append(decode(value, 0, value.length));
      } else {
        into.put(key, value);
      }
      at = end;
    }
    if (!sparse.isEmpty()) {
      byte[] list = into.get("GNU.sparse.map");
      String before = list == null ? "" : new String(list, StandardCharsets.UTF_8) + ",";
      into.put("GNU.sparse.map", (before + sparse).getBytes(StandardCharsets.UTF_8));
    }
  }

  /** A pax record's text if there is one, else what the header says. */
  static String override(Map<String, byte[]> pax, String key, String otherwise) {
    byte[] value = pax.get(key);
    if (value == null || value.length == 0) {
      return otherwise;
    }
    String text = decode(value, 0, value.length);
    if (text.indexOf('\0') >= 0) {
      throw ArchiveException.refused(text, "has a NUL character in its " + key);
    }
    return text;
  }

  static long override(Map<String, byte[]> pax, String key, long otherwise, String name) {
    String text = override(pax, key, "");
    if (text.isEmpty()) {
      return otherwise;
    }
    return decimal(text, key, name);
  }

  private static long decimal(String text, String key, String name) {
    long value = 0;
    for (int i = 0; i < text.length(); i++) {
      int digit = text.charAt(i) - '0';
      if (digit < 0 || digit > 9 || value > (Long.MAX_VALUE - digit) / 10) {
        throw ArchiveException.malformed(
            "pax record " + key + " of entry " + ArchiveException.quote(name) + " is not a number");
      }
      value = value * 10 + digit;
    }
    return value;
  }

  static void sparseList(String text, List<Segment> map) {
    if (text.isEmpty()) {
      return;
    }
    int at = 0;
    long[] pair = new long[2];
    int index = 0;
    while (at <= text.length()) {
      int comma = text.indexOf(',', at);
      int end = comma < 0 ? text.length() : comma;
      if (end == at) {
        throw ArchiveException.malformed("a sparse map has an empty number");
      }
      pair[index++ & 1] = decimal(text.substring(at, end), "GNU.sparse.map", "");
      if ((index & 1) == 0) {
        TarReader.add(map, pair[0], pair[1]);
      }
      at = end + 1;
    }
    if ((index & 1) != 0) {
      throw ArchiveException.malformed("a sparse map has an odd number of values");
    }
  }

  /** Modification time: seconds and nanoseconds of pax's decimal fraction, or the header's. */
  static long[] time(Map<String, byte[]> pax, long otherwise) {
    String text = override(pax, "mtime", "");
    if (text.isEmpty()) {
      return new long[] {otherwise, 0};
    }
    boolean negative = text.startsWith("-");
    int dot = text.indexOf('.');
    String whole = text.substring(negative ? 1 : 0, dot < 0 ? text.length() : dot);
    long seconds = decimal(whole, "mtime", "");
    long nanos = 0;
    if (dot >= 0) {
      String fraction = text.substring(dot + 1);
      String nine = fraction.length() > 9 ? fraction.substring(0, 9) : fraction;
      nanos = decimal(nine, "mtime", "");
      for (int i = nine.length(); i < 9; i++) {
        nanos *= 10;
      }
    }
    if (negative) {
      return nanos == 0
          ? new long[] {-seconds, 0}
          : new long[] {-seconds - 1, 1_000_000_000L - nanos};
    }
    return new long[] {seconds, nanos};
  }
}
