package dev.casemate.protobuf;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Writes the protobuf wire format into a growing array. Methods named after a protobuf type leave
 * out a field that has its default value, as proto3 does; those with {@code put} before the name
 * write it always. Not for use by several threads.
 */
public final class ProtoWriter {
  private byte[] buffer;
  private int size;

  /** An empty writer. */
  public ProtoWriter() {
    this(128);
  }

  /**
   * @param capacity bytes to set aside at first
   */
  public ProtoWriter(int capacity) {
    buffer = new byte[capacity];
  }

  /** Bytes written so far. */
  public int size() {
    return size;
  }

  /** What was written. The writer is of no more use then. */
  public byte[] toByteArray() {
    return size == buffer.length ? buffer : Arrays.copyOf(buffer, size);
  }

  /** Writes an int32 or an enum that is not 0. */
  public void int32(int field, int value) {
    if (value != 0) {
      putInt32(field, value);
    }
  }

  /** Writes a uint32 that is not 0. */
  public void uint32(int field, int value) {
    if (value != 0) {
      putUint32(field, value);
    }
  }

  /** Writes an int64 or uint64 that is not 0. */
  public void int64(int field, long value) {
    if (value != 0) {
      putInt64(field, value);
    }
  }

  /** Writes a sint32 that is not 0. */
  public void sint32(int field, int value) {
    if (value != 0) {
      putSint32(field, value);
    }
  }

  /** Writes a sint64 that is not 0. */
  public void sint64(int field, long value) {
    if (value != 0) {
      putSint64(field, value);
    }
  }

  /** Writes a fixed32 or sfixed32 that is not 0. */
  public void fixed32(int field, int value) {
    if (value != 0) {
      putFixed32(field, value);
    }
  }

  /** Writes a fixed64 or sfixed64 that is not 0. */
  public void fixed64(int field, long value) {
    if (value != 0) {
      putFixed64(field, value);
    }
  }

  /** Writes a bool that is true. */
  public void bool(int field, boolean value) {
    if (value) {
      putBool(field, true);
    }
  }

  /** Writes a float that is not positive zero. */
  public void floating(int field, float value) {
    fixed32(field, Float.floatToRawIntBits(value));
  }

  /** Writes a double that is not positive zero. */
  public void doubling(int field, double value) {
    fixed64(field, Double.doubleToRawLongBits(value));
  }

  /** Writes a string that is not empty. */
  public void string(int field, String value) {
    if (!value.isEmpty()) {
      putString(field, value);
    }
  }

  /** Writes a byte string that is not empty. */
  public void bytes(int field, byte[] value) {
    if (value.length != 0) {
      putBytes(field, value);
    }
  }

  /** Writes a nested message that is there. */
  public void message(int field, Optional<? extends ProtoMessage> value) {
    if (value.isPresent()) {
      putMessage(field, value.get());
    }
  }

  /** Writes each string of a list. */
  public void strings(int field, List<String> values) {
    for (int i = 0; i < values.size(); i++) {
      putString(field, values.get(i));
    }
  }

  /** Writes each message of a list. */
  public void messages(int field, List<? extends ProtoMessage> values) {
    for (int i = 0; i < values.size(); i++) {
      putMessage(field, values.get(i));
    }
  }

  /** Writes an int32 or an enum. */
  public void putInt32(int field, int value) {
    raw(field << 3);
    raw((long) value);
  }

  /** Writes a uint32. */
  public void putUint32(int field, int value) {
    raw(field << 3);
    raw(value);
  }

  /** Writes an int64 or uint64. */
  public void putInt64(int field, long value) {
    raw(field << 3);
    raw(value);
  }

  /** Writes a sint32. */
  public void putSint32(int field, int value) {
    putUint32(field, zigzag(value));
  }

  /** Writes a sint64. */
  public void putSint64(int field, long value) {
    putInt64(field, zigzag(value));
  }

  /** Writes a fixed32 or sfixed32. */
  public void putFixed32(int field, int value) {
    raw((field << 3) | 5);
    rawFixed(value);
  }

  /** Writes a fixed64 or sfixed64. */
  public void putFixed64(int field, long value) {
    raw((field << 3) | 1);
    rawFixed(value);
  }

  /** Writes a bool. */
  public void putBool(int field, boolean value) {
    putUint32(field, value ? 1 : 0);
  }

  /** Writes a float. */
  public void putFloating(int field, float value) {
    putFixed32(field, Float.floatToRawIntBits(value));
  }

  /** Writes a double. */
  public void putDoubling(int field, double value) {
    putFixed64(field, Double.doubleToRawLongBits(value));
  }

  /** Writes a string. */
  public void putString(int field, String value) {
    putBytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes a byte string. */
  public void putBytes(int field, byte[] value) {
    raw((field << 3) | 2);
    raw(value.length);
    ensure(value.length);
    System.arraycopy(value, 0, buffer, size, value.length);
    size += value.length;
  }

  /** Writes a nested message, an empty one too. */
  public void putMessage(int field, ProtoMessage value) {
    int start = begin(field);
    value.write(this);
    end(start);
  }

  /**
   * Begins a field that has a length: a nested message, a map's entry or a packed list. The result
   * is for {@link #end}.
   */
  public int begin(int field) {
    raw((field << 3) | 2);
    ensure(1);
    return ++size;
  }

  /**
   * Ends what {@link #begin} began: puts the length, for which one byte was left, before the
   * content.
   */
  public void end(int start) {
    int length = size - start;
    int extra = 0;
    for (int rest = length >>> 7; rest != 0; rest >>>= 7) {
      extra++;
    }
    if (extra > 0) {
      ensure(extra);
      System.arraycopy(buffer, start, buffer, start + extra, length);
    }
    size = start - 1;
    raw(length);
    size += length;
  }

  /** Appends a varint of 32 bits, as packed lists hold them. */
  public void raw(int value) {
    raw(value & 0xffffffffL);
  }

  /** Appends a varint of 64 bits, as packed lists hold them. */
  public void raw(long value) {
    ensure(10);
    byte[] b = buffer;
    int p = size;
    while ((value & ~0x7fL) != 0) {
      b[p++] = (byte) (value | 0x80);
      value >>>= 7;
    }
    b[p++] = (byte) value;
    size = p;
  }

  /** Appends four bytes, the lowest first. */
  public void rawFixed(int value) {
    ensure(4);
    for (int shift = 0; shift < 32; shift += 8) {
      buffer[size++] = (byte) (value >>> shift);
    }
  }

  /** Appends eight bytes, the lowest first. */
  public void rawFixed(long value) {
    rawFixed((int) value);
    rawFixed((int) (value >>> 32));
  }

  /** The varint that encodes a sint32. */
  public static int zigzag(int value) {
    return (value << 1) ^ (value >> 31);
  }

  /** The varint that encodes a sint64. */
  public static long zigzag(long value) {
    return (value << 1) ^ (value >> 63);
  }

  private void ensure(int more) {
    if (more > buffer.length - size) {
      buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, size + more));
    }
  }
}
