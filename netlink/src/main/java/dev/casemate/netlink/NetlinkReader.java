package dev.casemate.netlink;

import dev.casemate.linux.Errno;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A bounded view of bytes that came by netlink: a message's payload or an attribute's. Reading past
 * the end is a {@link LinuxException} with EBADMSG, never another message's bytes.
 */
public final class NetlinkReader {
  private static final int TYPE_MASK = 0x3fff;

  private final int type;
  private final byte[] bytes;
  private final int from;
  private final int to;

  NetlinkReader(int type, byte[] bytes, int from, int to) {
    this.type = type;
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }

  /** The message's or attribute's type. */
  public int type() {
    return type;
  }

  /** Bytes in this view. */
  public int size() {
    return to - from;
  }

  static LinuxException malformed(String what) {
    return new LinuxException("netlink", what, Errno.EBADMSG);
  }

  private int at(int offset, int length) {
    if (offset < 0 || length < 0 || offset > size() - length) {
      throw malformed(offset + "+" + length + " in " + size() + " bytes of type " + type);
    }
    return from + offset;
  }

  public int u8(int offset) {
    return bytes[at(offset, 1)] & 0xff;
  }

  public int u16(int offset) {
    int at = at(offset, 2);
    return (bytes[at] & 0xff) | (bytes[at + 1] & 0xff) << 8;
  }

  public int i32(int offset) {
    at(offset, 4);
    return u16(offset) | u16(offset + 2) << 16;
  }

  public long i64(int offset) {
    at(offset, 8);
    return (i32(offset) & 0xffffffffL) | (long) i32(offset + 4) << 32;
  }

  /** A 32-bit integer in network order. */
  public int big32(int offset) {
    return Integer.reverseBytes(i32(offset));
  }

  /** A 64-bit integer in network order. */
  public long big64(int offset) {
    return Long.reverseBytes(i64(offset));
  }

  /** The whole view. */
  public byte[] bytes() {
    return Arrays.copyOfRange(bytes, from, to);
  }

  /** The view as text up to the first NUL. */
  public String string() {
    int end = from;
    while (end < to && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, from, end - from, StandardCharsets.UTF_8);
  }

  /** All attributes from {@code offset} on. */
  public List<NetlinkReader> attributes(int offset) {
    List<NetlinkReader> attributes = new ArrayList<>();
    int at = offset > size() ? at(offset, 0) : from + offset;
    while (to - at >= 4) {
      int length = u16(at - from);
      if (length < 4 || length > to - at) {
        throw malformed("attribute of " + length + " bytes where " + (to - at) + " are left");
      }
      attributes.add(new NetlinkReader(u16(at - from + 2) & TYPE_MASK, bytes, at + 4, at + length));
      int next = NetlinkMessage.align(length);
      at = next > to - at ? to : at + next;
    }
    return attributes;
  }

  /** The attribute of a type in a list of {@link #attributes}. */
  public static Optional<NetlinkReader> find(List<NetlinkReader> attributes, int type) {
    for (NetlinkReader attribute : attributes) {
      if (attribute.type == type) {
        return Optional.of(attribute);
      }
    }
    return Optional.empty();
  }

  /** The 32-bit integer in the attribute of a type, or {@code otherwise} if there is none. */
  static int i32(List<NetlinkReader> attributes, int type, int otherwise) {
    Optional<NetlinkReader> found = find(attributes, type);
    return found.isPresent() ? found.get().i32(0) : otherwise;
  }

  /** The text in the attribute of a type; empty if there is none. */
  static String string(List<NetlinkReader> attributes, int type) {
    Optional<NetlinkReader> found = find(attributes, type);
    return found.isPresent() ? found.get().string() : "";
  }

  /** The address in the attribute of a type. */
  static Optional<IpAddress> address(List<NetlinkReader> attributes, int type) {
    Optional<NetlinkReader> found = find(attributes, type);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    int size = found.get().size();
    if (size != 4 && size != 16) {
      throw malformed("IP address of " + size + " bytes");
    }
    return Optional.of(IpAddress.of(found.get().bytes()));
  }
}
