package dev.casemate.linux;

import java.util.Arrays;

/**
 * An IPv4 or IPv6 address. Written and read without {@code java.net}, whose start-up work a guest
 * agent cannot afford.
 */
public final class IpAddress {
  private static final int V4 = 4;
  private static final int V6 = 16;

  private final byte[] bytes;

  private IpAddress(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * An address from its 4 or 16 bytes in network order.
   *
   * @throws IllegalArgumentException for another length
   */
  public static IpAddress of(byte[] bytes) {
    if (bytes.length != V4 && bytes.length != V6) {
      throw new IllegalArgumentException(
          "an IP address has 4 or 16 bytes, not " + bytes.length + "; pass a whole address");
    }
    return new IpAddress(bytes.clone());
  }

  /** An IPv4 address from its number: {@code 0x7f000001} is 127.0.0.1. */
  public static IpAddress ofV4(int number) {
    return new IpAddress(
        new byte[] {
          (byte) (number >> 24), (byte) (number >> 16), (byte) (number >> 8), (byte) number
        });
  }

  /**
   * Reads dotted-quad or RFC 4291 text, without brackets, zone or prefix.
   *
   * @throws IllegalArgumentException if it is neither
   */
  public static IpAddress parse(String text) {
    byte[] parsed = text.indexOf(':') >= 0 ? parseV6(text) : parseV4(text);
    if (parsed.length == 0) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is not an IP address, expected one such as 192.0.2.1 or 2001:db8::1");
    }
    return new IpAddress(parsed);
  }

  private static byte[] parseV4(String text) {
    byte[] result = new byte[V4];
    int part = 0;
    int value = -1;
    for (int i = 0; i <= text.length(); i++) {
      char c = i == text.length() ? '.' : text.charAt(i);
      if (c == '.') {
        if (value < 0 || part == V4) {
          return new byte[0];
        }
        result[part++] = (byte) value;
        value = -1;
      } else {
        // A leading zero would be octal for some readers and decimal for others: refused.
        if (c < '0' || c > '9' || value == 0) {
          return new byte[0];
        }
        value = (value < 0 ? 0 : value * 10) + (c - '0');
        if (value > 255) {
          return new byte[0];
        }
      }
    }
    return part == V4 ? result : new byte[0];
  }

  private static byte[] parseV6(String text) {
    byte[] none = new byte[0];
    byte[] result = new byte[V6];
    int at = 0;
    int gap = -1;
    int i = 0;
    if (text.startsWith("::")) {
      gap = 0;
      i = 2;
    } else if (text.startsWith(":")) {
      return none;
    }
    while (i < text.length()) {
      int end = text.indexOf(':', i);
      if (end < 0) {
        end = text.length();
      }
      String group = text.substring(i, end);
      if (group.indexOf('.') >= 0) {
        byte[] tail = parseV4(group);
        if (tail.length == 0 || end != text.length() || at > V6 - V4) {
          return none;
        }
        System.arraycopy(tail, 0, result, at, V4);
        at += V4;
        break;
      }
      if (group.isEmpty() || group.length() > 4 || at > V6 - 2) {
        return none;
      }
      int value = 0;
      for (int k = 0; k < group.length(); k++) {
        int digit = group.charAt(k) < 128 ? Character.digit(group.charAt(k), 16) : -1;
        if (digit < 0) {
          return none;
        }
        value = value << 4 | digit;
      }
      result[at++] = (byte) (value >> 8);
      result[at++] = (byte) value;
      if (end == text.length()) {
        break;
      }
      i = end + 1;
      if (i == text.length()) {
        return none;
      }
      if (text.charAt(i) == ':') {
        if (gap >= 0) {
          return none;
        }
        gap = at;
        i++;
      }
    }
    if (gap < 0) {
      return at == V6 ? result : none;
    }
    if (at >= V6) {
      return none;
    }
    int moved = at - gap;
    System.arraycopy(result, gap, result, V6 - moved, moved);
    Arrays.fill(result, gap, V6 - moved, (byte) 0);
    return result;
  }

  public boolean isV6() {
    return bytes.length == V6;
  }

  /** 32 or 128. */
  public int bits() {
    return bytes.length * 8;
  }

  /** 4 or 16 bytes in network order; a copy. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** {@code AF_INET} or {@code AF_INET6}. */
  public int family() {
    return isV6() ? 10 : 2;
  }

  /** The number of an IPv4 address; see {@link #ofV4}. */
  public int v4() {
    if (isV6()) {
      throw new IllegalStateException(this + " is not an IPv4 address");
    }
    return (bytes[0] & 0xff) << 24
        | (bytes[1] & 0xff) << 16
        | (bytes[2] & 0xff) << 8
        | (bytes[3] & 0xff);
  }

  /** 127.0.0.0/8 or ::1. */
  public boolean isLoopback() {
    if (!isV6()) {
      return bytes[0] == 127;
    }
    for (int i = 0; i < V6 - 1; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return bytes[V6 - 1] == 1;
  }

  /** 169.254.0.0/16 or fe80::/10. */
  public boolean isLinkLocal() {
    return isV6()
        ? (bytes[0] & 0xff) == 0xfe && (bytes[1] & 0xc0) == 0x80
        : (bytes[0] & 0xff) == 169 && (bytes[1] & 0xff) == 254;
  }

  /** 0.0.0.0 or ::. */
  public boolean isAny() {
    for (byte b : bytes) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IpAddress address && Arrays.equals(bytes, address.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** Dotted quad or RFC 5952's form. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (!isV6()) {
      for (int i = 0; i < V4; i++) {
        text.append(i == 0 ? "" : ".").append(bytes[i] & 0xff);
      }
      return text.toString();
    }
    int best = -1;
    int bestLength = 1;
    for (int i = 0; i < 8; i++) {
      int length = 0;
      while (i + length < 8 && group(i + length) == 0) {
        length++;
      }
      if (length > bestLength) {
        best = i;
        bestLength = length;
      }
    }
    for (int i = 0; i < 8; i++) {
      if (i == best) {
        text.append("::");
        i += bestLength - 1;
      } else {
        if (i > 0 && text.charAt(text.length() - 1) != ':') {
          text.append(':');
        }
        text.append(Integer.toHexString(group(i)));
      }
    }
    return text.toString();
  }

  private int group(int i) {
    return (bytes[2 * i] & 0xff) << 8 | (bytes[2 * i + 1] & 0xff);
  }
}
