package dev.casemate.netlink;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A netlink request that is being written (netlink(7)): header, the family's fixed structure, then
 * attributes. Integers are in the machine's byte order unless the method says {@code Big}.
 */
public final class NetlinkMessage {
  public static final int REQUEST = 1;
  public static final int ACK = 4;
  public static final int REPLACE = 0x100;
  public static final int EXCLUSIVE = 0x200;
  public static final int CREATE = 0x400;
  public static final int APPEND = 0x800;
  static final int DUMP = 0x300;
  static final int HEADER = 16;
  private static final int NESTED = 0x8000;
  private static final int ATTRIBUTE_LIMIT = 0xffff;

  private byte[] bytes = new byte[256];
  private int size = HEADER;

  /** Starts a message; {@code flags} besides REQUEST, which is always set. */
  public NetlinkMessage(int type, int flags) {
    set16(4, type);
    set16(6, flags | REQUEST);
  }

  int flags() {
    return (bytes[6] & 0xff) | (bytes[7] & 0xff) << 8;
  }

  /** The finished message with its length, number and further flags filled in. */
  byte[] finish(int sequence, int flags) {
    set32(0, size);
    set16(6, flags() | flags);
    set32(8, sequence);
    byte[] message = Arrays.copyOf(bytes, align(size));
    return message;
  }

  static int align(int length) {
    return (length + 3) & ~3;
  }

  private void grow(int more) {
    if (size + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more + 64));
    }
  }

  private void set16(int at, int value) {
    bytes[at] = (byte) value;
    bytes[at + 1] = (byte) (value >> 8);
  }

  private void set32(int at, int value) {
    set16(at, value);
    set16(at + 2, value >> 16);
  }

  public NetlinkMessage put8(int value) {
    grow(1);
    bytes[size++] = (byte) value;
    return this;
  }

  public NetlinkMessage put16(int value) {
    grow(2);
    set16(size, value);
    size += 2;
    return this;
  }

  public NetlinkMessage put32(int value) {
    grow(4);
    set32(size, value);
    size += 4;
    return this;
  }

  public NetlinkMessage putBytes(byte[] value) {
    grow(value.length);
    System.arraycopy(value, 0, bytes, size, value.length);
    size += value.length;
    return this;
  }

  /** Starts an attribute whose payload is written by what follows, until {@link #end}. */
  public int begin(int type) {
    pad();
    grow(4);
    int start = size;
    set16(start + 2, type);
    size += 4;
    return start;
  }

  /** As {@link #begin}, with the flag that marks a payload of attributes. */
  public int beginNested(int type) {
    return begin(type | NESTED);
  }

  /** Ends the attribute that {@link #begin} started. */
  public NetlinkMessage end(int start) {
    int length = size - start;
    if (length > ATTRIBUTE_LIMIT) {
      throw new IllegalArgumentException("netlink attribute of " + length + " bytes is too long");
    }
    set16(start, length);
    pad();
    return this;
  }

  private void pad() {
    int target = align(size);
    grow(target - size);
    size = target;
  }

  public NetlinkMessage attribute(int type, byte[] value) {
    int start = begin(type);
    putBytes(value);
    return end(start);
  }

  public NetlinkMessage attribute8(int type, int value) {
    int start = begin(type);
    put8(value);
    return end(start);
  }

  public NetlinkMessage attribute16(int type, int value) {
    int start = begin(type);
    put16(value);
    return end(start);
  }

  public NetlinkMessage attribute32(int type, int value) {
    int start = begin(type);
    put32(value);
    return end(start);
  }

  /** A 32-bit integer in network order. */
  public NetlinkMessage attributeBig32(int type, int value) {
    return attribute32(type, Integer.reverseBytes(value));
  }

  /** A 64-bit integer in network order. */
  public NetlinkMessage attributeBig64(int type, long value) {
    long reversed = Long.reverseBytes(value);
    int start = begin(type);
    put32((int) reversed);
    put32((int) (reversed >>> 32));
    return end(start);
  }

  /** A string with its terminating NUL. */
  public NetlinkMessage attribute(int type, String value) {
    if (value.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("a string for the kernel contains a NUL character");
    }
    int start = begin(type);
    putBytes(value.getBytes(StandardCharsets.UTF_8));
    put8(0);
    return end(start);
  }
}
