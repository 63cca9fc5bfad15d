package dev.casemate.protobuf;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the protobuf wire format (protobuf.dev, "Encoding") out of one array that may come from a
 * hostile sender: every length is checked against the bytes that are left, nesting and the number
 * of elements are bounded, and whatever is wrong ends in a {@link MalformedMessageException}.
 *
 * <p>A message is read as {@code while ((tag = reader.tag()) != 0) switch (tag) ... default ->
 * reader.skip(tag)}. Not for use by several threads.
 */
public final class ProtoReader {
  /** Messages within messages, the outermost counted. */
  public static final int MAX_DEPTH = 32;

  /**
   * Elements of lists and maps and nested messages in one outermost message. The smallest element
   * needs two bytes of input and up to about a hundred of memory; the bound keeps that below some
   * 15 MB. A container's specification has a few thousand.
   */
  public static final int MAX_ELEMENTS = 1 << 17;

  private final byte[] buffer;
  private int position;
  private int limit;
  private int depth = 1;
  private int elements;

  /** A reader of the whole array, which is not copied. */
  public ProtoReader(byte[] buffer) {
    this(buffer, 0, buffer.length);
  }

  /** A reader of {@code length} bytes from {@code offset} of an array, which is not copied. */
  public ProtoReader(byte[] buffer, int offset, int length) {
    if (offset < 0 || length < 0 || length > buffer.length - offset) {
      throw new IndexOutOfBoundsException(
          "offset " + offset + ", length " + length + " of " + buffer.length + " bytes");
    }
    this.buffer = buffer;
    this.position = offset;
    this.limit = offset + length;
  }

  /**
   * The next field's tag, its number shifted left by three with the wire type in the low bits; 0 at
   * the message's end.
   */
  public int tag() {
    if (position == limit) {
      return 0;
    }
    long tag = varint64();
    if (tag >>> 32 != 0 || tag >>> 3 == 0) {
      throw new MalformedMessageException(
          "tag " + Long.toUnsignedString(tag) + " is not valid: field numbers are 1 to 536870911");
    }
    return (int) tag;
  }

  /** Whether the current message, or the current packed list, has more bytes. */
  public boolean hasMore() {
    return position < limit;
  }

  /** Reads a nested message's length and limits reading to it. The result is for {@link #leave}. */
  public int enter() {
    if (++depth > MAX_DEPTH) {
      throw new MalformedMessageException("messages nest deeper than " + MAX_DEPTH);
    }
    element();
    return enterPacked();
  }

  /** Ends what {@link #enter} began. */
  public void leave(int outerLimit) {
    depth--;
    leavePacked(outerLimit);
  }

  /**
   * Reads a packed list's length and limits reading to it. The result is for {@link #leavePacked}.
   */
  public int enterPacked() {
    int length = length();
    int outer = limit;
    limit = position + length;
    return outer;
  }

  /** Ends what {@link #enterPacked} began. */
  public void leavePacked(int outerLimit) {
    position = limit;
    limit = outerLimit;
  }

  /** Counts an element of a list; call it before each is read. */
  public void element() {
    if (++elements > MAX_ELEMENTS) {
      throw new MalformedMessageException("a message has more than " + MAX_ELEMENTS + " elements");
    }
  }

  /**
   * An int32, uint32 (as its 32 bits) or enum; longer varints lose their upper half, as the
   * specification says.
   */
  public int varint32() {
    return (int) varint64();
  }

  /** An int64, or a uint64 as its 64 bits. */
  public long varint64() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (position == limit) {
        throw truncated(1);
      }
      byte b = buffer[position++];
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw new MalformedMessageException("a varint has more than 10 bytes");
  }

  /** A sint32. */
  public int zigzag32() {
    int value = varint32();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A sint64. */
  public long zigzag64() {
    long value = varint64();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A bool. */
  public boolean bool() {
    return varint64() != 0;
  }

  /** A fixed32 or sfixed32. */
  public int fixed32() {
    need(4);
    int p = position;
    position = p + 4;
    return (buffer[p] & 0xff)
        | ((buffer[p + 1] & 0xff) << 8)
        | ((buffer[p + 2] & 0xff) << 16)
        | (buffer[p + 3] << 24);
  }

  /** A fixed64 or sfixed64. */
  public long fixed64() {
    long low = fixed32() & 0xffffffffL;
    return low | ((long) fixed32() << 32);
  }

  /** A string; malformed UTF-8 is refused. */
  public String string() {
    int length = length();
    if (length == 0) {
      return "";
    }
    int start = position;
    position += length;
    String value = new String(buffer, start, length, StandardCharsets.UTF_8);
    // The decoder puts U+FFFD for what it cannot read; text that really holds that character comes
    // back to the same bytes.
    if (value.indexOf('\uFFFD') >= 0
        && !Arrays.equals(
            value.getBytes(StandardCharsets.UTF_8), Arrays.copyOfRange(buffer, start, position))) {
      throw new MalformedMessageException("a string of " + length + " bytes is not UTF-8");
    }
    return value;
  }

  /** A byte string, copied. */
  public byte[] bytes() {
    int length = length();
    int start = position;
    position += length;
    return length == 0 ? ProtoMessage.NO_BYTES : Arrays.copyOfRange(buffer, start, position);
  }

  /** Passes over the value of a field that the reader does not know. */
  public void skip(int tag) {
    switch (tag & 7) {
      case 0 -> varint64();
      case 1 -> advance(8);
      case 2 -> advance(length());
      case 3 -> skipGroup(tag >>> 3);
      case 5 -> advance(4);
      default ->
          throw new MalformedMessageException(
              "field "
                  + (tag >>> 3)
                  + " has wire type "
                  + (tag & 7)
                  + ", which is not valid for this field");
    }
  }

  private void skipGroup(int number) {
    if (++depth > MAX_DEPTH) {
      throw new MalformedMessageException("groups nest deeper than " + MAX_DEPTH);
    }
    int end = (number << 3) | 4;
    int tag;
    while ((tag = tag()) != end) {
      if (tag == 0) {
        throw new MalformedMessageException("group " + number + " has no end");
      }
      skip(tag);
    }
    depth--;
  }

  private int length() {
    long length = varint64();
    if (length < 0 || length > limit - position) {
      throw truncated(length);
    }
    return (int) length;
  }

  private void advance(int count) {
    need(count);
    position += count;
  }

  private void need(int count) {
    if (count > limit - position) {
      throw truncated(count);
    }
  }

  private MalformedMessageException truncated(long wanted) {
    return new MalformedMessageException(
        "a value needs "
            + Long.toUnsignedString(wanted)
            + " bytes where "
            + (limit - position)
            + " are left");
  }
}
