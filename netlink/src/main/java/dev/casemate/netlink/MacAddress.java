package dev.casemate.netlink;

import java.util.Arrays;

/** An Ethernet address of six bytes. */
public final class MacAddress {
  private static final int SIZE = 6;

  private final byte[] bytes;

  private MacAddress(byte[] bytes) {
    this.bytes = bytes;
  }

  public static MacAddress of(byte[] bytes) {
    if (bytes.length != SIZE) {
      throw new IllegalArgumentException("a MAC address has 6 bytes, not " + bytes.length);
    }
    return new MacAddress(bytes.clone());
  }

  /** Reads {@code 02:00:5e:10:00:01}. */
  public static MacAddress parse(String text) {
    byte[] bytes = new byte[SIZE];
    boolean right = text.length() == 3 * SIZE - 1;
    for (int i = 0; right && i < SIZE; i++) {
      int high = digit(text.charAt(3 * i));
      int low = digit(text.charAt(3 * i + 1));
      right = high >= 0 && low >= 0 && (i == SIZE - 1 || text.charAt(3 * i + 2) == ':');
      bytes[i] = (byte) (high << 4 | low);
    }
    if (!right) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is not a MAC address, expected one such as 02:00:5e:10:00:01");
    }
    return new MacAddress(bytes);
  }

  private static int digit(char c) {
    return c < 128 ? Character.digit(c, 16) : -1;
  }

  /** Six bytes; a copy. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** Whether it names a group; an interface cannot have such an address. */
  public boolean isMulticast() {
    return (bytes[0] & 1) != 0;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MacAddress mac && Arrays.equals(bytes, mac.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < SIZE; i++) {
      text.append(i == 0 ? "" : ":")
          .append(Character.forDigit(bytes[i] >> 4 & 15, 16))
          .append(Character.forDigit(bytes[i] & 15, 16));
    }
    return text.toString();
  }
}
