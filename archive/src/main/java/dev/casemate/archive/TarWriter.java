package dev.casemate.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Writes tar archives: POSIX ustar, with pax headers (pax(1)) for what does not fit there: long or
 * non-ASCII names, big sizes and ids, fractions of a second, extended attributes. Equal entries
 * give equal bytes.
 *
 * <p>Errors of the stream pass as {@link UncheckedIOException}.
 */
public final class TarWriter {
  private static final long MAX_OCTAL_SIZE = 0_77777777777L;
  private static final int MAX_OCTAL_ID = 0_7777777;

  private final OutputStream out;
  private long left;
  private long padding;

  public TarWriter(OutputStream out) {
    this.out = out;
  }

  /** Starts an entry; of a file, exactly {@link TarEntry#size} bytes must follow. */
  public void put(TarEntry entry) {
    endEntry();
    String name = entry.name();
    if (entry.type() == TarEntry.Type.DIRECTORY && !name.endsWith("/")) {
      name += "/";
    }
    ByteArrayOutputStream pax = new ByteArrayOutputStream();
    if (!fits(name)) {
      record(pax, "path", name);
    }
    if (!fits(entry.linkTarget())) {
      record(pax, "linkpath", entry.linkTarget());
    }
    long size = entry.type() == TarEntry.Type.FILE ? entry.size() : 0;
    if (size > MAX_OCTAL_SIZE) {
      record(pax, "size", Long.toString(size));
    }
    if (Integer.toUnsignedLong(entry.uid()) > MAX_OCTAL_ID) {
      record(pax, "uid", Integer.toUnsignedString(entry.uid()));
    }
    if (Integer.toUnsignedLong(entry.gid()) > MAX_OCTAL_ID) {
      record(pax, "gid", Integer.toUnsignedString(entry.gid()));
    }
    if (entry.mtimeNanos() != 0
        || entry.mtimeSeconds() < 0
        || entry.mtimeSeconds() > MAX_OCTAL_SIZE) {
      record(pax, "mtime", time(entry.mtimeSeconds(), entry.mtimeNanos()));
    }
    for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
      record(pax, "SCHILY.xattr." + xattr.getKey(), xattr.getValue());
    }
    if (pax.size() > 0) {
      byte[] records = pax.toByteArray();
      TarEntry header = TarEntry.file("pax_header", 0644, records.length);
      write(block(header, "pax_header", 'x', records.length));
      write(records);
      write(new byte[-records.length & (TarReader.BLOCK - 1)]);
    }
    write(block(entry, name, entry.type().flag(), size));
    left = size;
    padding = -size & (TarReader.BLOCK - 1);
  }

  /** Content of the current file. */
  public void write(byte[] bytes, int offset, int length) {
    if (length > left) {
      throw new IllegalArgumentException("more content than the entry's size");
    }
    left -= length;
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends the archive with its two zero blocks and flushes; the stream stays open. */
  public void finish() {
    endEntry();
    write(new byte[2 * TarReader.BLOCK]);
    try {
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void endEntry() {
    if (left != 0) {
      throw new IllegalStateException("the previous entry is short of " + left + " bytes");
    }
    write(new byte[(int) padding]);
    padding = 0;
  }

  private void write(byte[] bytes) {
    try {
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean fits(String text) {
    if (text.length() > 100) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) >= 0x80) {
        return false;
      }
    }
    return true;
  }

  private static String time(long seconds, int nanos) {
    if (nanos == 0) {
      return Long.toString(seconds);
    }
    // A negative time counts its fraction downwards in text: -1.5 is -2 s + 0.5e9 ns.
    boolean negative = seconds < 0;
    long whole = negative ? -(seconds + 1) : seconds;
    String digits = Long.toString(negative ? 1_000_000_000L - nanos : nanos);
    StringBuilder text = new StringBuilder(negative ? "-" : "").append(whole).append('.');
    return text.repeat('0', 9 - digits.length()).append(digits).toString();
  }

  private static void record(ByteArrayOutputStream pax, String key, String value) {
    record(pax, key, value.getBytes(StandardCharsets.UTF_8));
  }

  /** {@code "<length> <key>=<value>\n"}; the length counts its own digits. */
  private static void record(ByteArrayOutputStream pax, String key, byte[] value) {
    byte[] name = key.getBytes(StandardCharsets.UTF_8);
    int rest = 3 + name.length + value.length;
    int length = rest + Integer.toString(rest).length();
    length = rest + Integer.toString(length).length();
    pax.writeBytes((length + " ").getBytes(StandardCharsets.US_ASCII));
    pax.writeBytes(name);
    pax.write('=');
    pax.writeBytes(value);
    pax.write('\n');
  }

  private static byte[] block(TarEntry entry, String name, char flag, long size) {
    byte[] block = new byte[TarReader.BLOCK];
    text(block, 0, 100, name);
    octal(block, 100, 8, entry.mode() & 0xfff);
    octal(block, 108, 8, Math.min(Integer.toUnsignedLong(entry.uid()), MAX_OCTAL_ID));
    octal(block, 116, 8, Math.min(Integer.toUnsignedLong(entry.gid()), MAX_OCTAL_ID));
    octal(block, 124, 12, Math.min(size, MAX_OCTAL_SIZE));
    octal(block, 136, 12, Math.clamp(entry.mtimeSeconds(), 0, MAX_OCTAL_SIZE));
    block[156] = (byte) flag;
    text(block, 157, 100, entry.linkTarget());
    text(block, 257, 6, "ustar");
    text(block, 263, 2, "00");
    octal(block, 329, 8, entry.deviceMajor());
    octal(block, 337, 8, entry.deviceMinor());
    int sum = 8 * ' ';
    for (byte b : block) {
      sum += b & 0xff;
    }
    octal(block, 148, 7, sum);
    block[155] = ' ';
    return block;
  }

  /** As much as fits; a pax header holds the whole. */
  private static void text(byte[] block, int at, int length, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, block, at, Math.min(length, bytes.length));
  }

  private static void octal(byte[] block, int at, int length, long value) {
    String digits = Long.toOctalString(value);
    int start = at + length - 1 - digits.length();
    for (int i = at; i < start; i++) {
      block[i] = '0';
    }
    for (int i = 0; i < digits.length(); i++) {
      block[start + i] = (byte) digits.charAt(i);
    }
  }
}
