package dev.casemate.linux;

import java.nio.charset.StandardCharsets;

/**
 * Zeroed memory outside the Java heap, for the structures that system calls read and write. Offsets
 * are checked against the size; integers are in the machine's byte order.
 */
public final class NativeBuffer implements AutoCloseable {
  private static final Kernel KERNEL = Kernel.INSTANCE;

  private final int size;
  private long address;

  private NativeBuffer(int size) {
    this.size = size;
    this.address = KERNEL.allocate(Math.max(size, 1));
  }

  /** Allocates {@code size} zeroed bytes. */
  public static NativeBuffer allocate(int size) {
    return new NativeBuffer(size);
  }

  /** Allocates a copy of {@code bytes}. */
  public static NativeBuffer of(byte[] bytes) {
    NativeBuffer buffer = new NativeBuffer(bytes.length);
    buffer.put(0, bytes, 0, bytes.length);
    return buffer;
  }

  /**
   * Allocates a NUL-terminated UTF-8 string; a string that holds a NUL is refused, as C would
   * silently cut it.
   *
   * @throws LinuxException EINVAL, what the kernel would say if it could see it: names come from
   *     archives and specifications of anybody, and callers expect errors of this kind
   */
  public static NativeBuffer ofString(String text) {
    if (text.indexOf('\0') >= 0) {
      throw new LinuxException(
          "string with a NUL character", text.replace('\0', '?'), Errno.EINVAL);
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    NativeBuffer buffer = new NativeBuffer(bytes.length + 1);
    buffer.put(0, bytes, 0, bytes.length);
    return buffer;
  }

  /** The address of the first byte. */
  public long address() {
    if (address == 0) {
      throw new IllegalStateException("buffer is closed");
    }
    return address;
  }

  /** Size in bytes. */
  public int size() {
    return size;
  }

  private long at(int offset, int length) {
    if (offset < 0 || length < 0 || offset > size - length) {
      throw new IndexOutOfBoundsException(offset + "+" + length + " in a buffer of " + size);
    }
    return address() + offset;
  }

  public byte getByte(int offset) {
    return KERNEL.getByte(at(offset, 1));
  }

  public short getShort(int offset) {
    return KERNEL.getShort(at(offset, 2));
  }

  public int getInt(int offset) {
    return KERNEL.getInt(at(offset, 4));
  }

  public long getLong(int offset) {
    return KERNEL.getLong(at(offset, 8));
  }

  public NativeBuffer putByte(int offset, int value) {
    KERNEL.putByte(at(offset, 1), (byte) value);
    return this;
  }

  public NativeBuffer putShort(int offset, int value) {
    KERNEL.putShort(at(offset, 2), (short) value);
    return this;
  }

  public NativeBuffer putInt(int offset, int value) {
    KERNEL.putInt(at(offset, 4), value);
    return this;
  }

  public NativeBuffer putLong(int offset, long value) {
    KERNEL.putLong(at(offset, 8), value);
    return this;
  }

  public NativeBuffer put(int offset, byte[] bytes, int from, int length) {
    if (length > 0) {
      KERNEL.copyIn(bytes, from, at(offset, length), length);
    }
    return this;
  }

  public void get(int offset, byte[] bytes, int to, int length) {
    if (length > 0) {
      KERNEL.copyOut(at(offset, length), bytes, to, length);
    }
  }

  /** The bytes {@code [offset, offset + length)}. */
  public byte[] bytes(int offset, int length) {
    byte[] bytes = new byte[length];
    get(offset, bytes, 0, length);
    return bytes;
  }

  /** The string that starts at {@code offset} and ends at the first NUL or the buffer's end. */
  public String string(int offset) {
    int end = offset;
    while (end < size && getByte(end) != 0) {
      end++;
    }
    return new String(bytes(offset, end - offset), StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    if (address != 0) {
      KERNEL.free(address);
      address = 0;
    }
  }
}
