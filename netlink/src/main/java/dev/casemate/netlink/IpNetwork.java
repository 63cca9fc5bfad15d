package dev.casemate.netlink;

import dev.casemate.linux.IpAddress;

/**
 * An address with the length of its network's prefix: an interface's address or a route's
 * destination.
 *
 * @param prefix bits, 0 to 32 or 128
 */
public record IpNetwork(IpAddress address, int prefix) {
  /** The destination of IPv4's default route. */
  public static final IpNetwork ANY_V4 = new IpNetwork(IpAddress.ofV4(0), 0);

  /** The destination of IPv6's default route. */
  public static final IpNetwork ANY_V6 = new IpNetwork(IpAddress.of(new byte[16]), 0);

  /** Refuses a prefix that is longer than the address. */
  public IpNetwork {
    if (prefix < 0 || prefix > address.bits()) {
      throw new IllegalArgumentException(
          "prefix /" + prefix + " of " + address + " is not in 0.." + address.bits());
    }
  }

  /** Reads {@code 192.0.2.1/24}; without a prefix the whole address counts. */
  public static IpNetwork parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      IpAddress address = IpAddress.parse(text);
      return new IpNetwork(address, address.bits());
    }
    IpAddress address = IpAddress.parse(text.substring(0, slash));
    try {
      return new IpNetwork(address, Integer.parseInt(text.substring(slash + 1)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is not a network, expected one such as 192.0.2.0/24", e);
    }
  }

  /** The network itself: the address with its host bits cleared. */
  public IpNetwork masked() {
    byte[] bytes = address.bytes();
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] &= (byte) mask(i);
    }
    return new IpNetwork(IpAddress.of(bytes), prefix);
  }

  /** The last address: IPv4's broadcast address. */
  public IpAddress last() {
    byte[] bytes = address.bytes();
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] |= (byte) ~mask(i);
    }
    return IpAddress.of(bytes);
  }

  private int mask(int index) {
    int bits = Math.clamp(prefix - 8L * index, 0, 8);
    return 0xff00 >> bits & 0xff;
  }

  public boolean contains(IpAddress other) {
    return other.isV6() == address.isV6()
        && new IpNetwork(other, prefix).masked().address().equals(masked().address());
  }

  public boolean overlaps(IpNetwork other) {
    return prefix <= other.prefix ? contains(other.address) : other.contains(address);
  }

  @Override
  public String toString() {
    return address + "/" + prefix;
  }
}
