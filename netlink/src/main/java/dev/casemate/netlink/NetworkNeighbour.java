package dev.casemate.netlink;

import dev.casemate.linux.IpAddress;
import java.util.List;
import java.util.Optional;

/**
 * An entry of the ARP or NDP table.
 *
 * @param state {@code NUD_} bits, see {@link #PERMANENT}
 */
public record NetworkNeighbour(
    int linkIndex, IpAddress address, Optional<MacAddress> mac, int state) {
  public static final int PERMANENT = 0x80;
  static final int FIXED = 12;
  static final int ADDRESS = 1;
  static final int MAC = 2;

  /** Empty for entries of other families, a bridge's forwarding table among them. */
  static Optional<NetworkNeighbour> of(NetlinkReader message) {
    int family = message.u8(0);
    List<NetlinkReader> attributes = message.attributes(FIXED);
    Optional<IpAddress> address =
        family == 2 || family == 10 ? NetlinkReader.address(attributes, ADDRESS) : Optional.empty();
    if (address.isEmpty()) {
      return Optional.empty();
    }
    Optional<NetlinkReader> mac = NetlinkReader.find(attributes, MAC);
    return Optional.of(
        new NetworkNeighbour(
            message.i32(4),
            address.get(),
            mac.isPresent() && mac.get().size() == 6
                ? Optional.of(MacAddress.of(mac.get().bytes()))
                : Optional.empty(),
            message.u16(8)));
  }

  public boolean isPermanent() {
    return (state & PERMANENT) != 0;
  }
}
