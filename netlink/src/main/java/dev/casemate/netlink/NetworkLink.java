package dev.casemate.netlink;

import java.util.List;
import java.util.Optional;

/**
 * A network interface as {@code RTM_GETLINK} describes it.
 *
 * @param index interface index, unique in its namespace
 * @param mac empty for interfaces without an Ethernet address
 * @param mtu bytes
 * @param flags {@code IFF_} bits of netdevice(7)
 * @param master index of the bridge that it is a port of, or 0
 * @param peer index of the other end of a veth pair, in whatever namespace, or 0
 * @param kind driver: {@code veth}, {@code bridge}, {@code tun}, …; empty for hardware and lo
 * @param ipvlanL3s whether it is an ipvlan of mode L3S: what comes for it goes to the IP stack past
 *     traffic control and packet sockets
 * @param alias free text that its creator left
 * @param carrier whether anything is at the other end; a TAP that is not open has none
 */
public record NetworkLink(
    int index,
    String name,
    Optional<MacAddress> mac,
    int mtu,
    int flags,
    int master,
    int peer,
    String kind,
    boolean ipvlanL3s,
    String alias,
    boolean carrier) {
  /** Neighbours are not asked for: IFF_NOARP. */
  public static final int NO_ARP = 0x80;

  static final int FIXED = 16;
  static final int MAC = 1;
  static final int NAME = 3;
  static final int MTU = 4;
  static final int PEER = 5;
  static final int MASTER = 10;
  static final int INFO = 18;
  static final int INFO_KIND = 1;
  static final int INFO_DATA = 2;
  static final int IPVLAN_MODE = 1;
  static final int IPVLAN_L3S = 2;
  static final int ALIAS = 20;
  static final int CARRIER = 33;

  static NetworkLink of(NetlinkReader message) {
    List<NetlinkReader> attributes = message.attributes(FIXED);
    Optional<NetlinkReader> mac = NetlinkReader.find(attributes, MAC);
    List<NetlinkReader> info =
        NetlinkReader.find(attributes, INFO).map(i -> i.attributes(0)).orElse(List.of());
    String kind = NetlinkReader.string(info, INFO_KIND);
    return new NetworkLink(
        message.i32(4),
        NetlinkReader.string(attributes, NAME),
        mac.isPresent() && mac.get().size() == 6
            ? Optional.of(MacAddress.of(mac.get().bytes()))
            : Optional.empty(),
        NetlinkReader.i32(attributes, MTU, 0),
        message.i32(8),
        NetlinkReader.i32(attributes, MASTER, 0),
        NetlinkReader.i32(attributes, PEER, 0),
        kind,
        kind.equals("ipvlan")
            && NetlinkReader.find(info, INFO_DATA)
                .flatMap(data -> NetlinkReader.find(data.attributes(0), IPVLAN_MODE))
                .map(mode -> mode.u16(0) == IPVLAN_L3S)
                .orElse(false),
        NetlinkReader.string(attributes, ALIAS),
        NetlinkReader.find(attributes, CARRIER).map(c -> c.u8(0) != 0).orElse(true));
  }

  /** Whether it has been switched on (IFF_UP). */
  public boolean isUp() {
    return (flags & 1) != 0;
  }

  /**
   * Whether it neither asks for nor answers about addresses, as an ipvlan of mode L3 (IFF_NOARP).
   */
  public boolean isNoArp() {
    return (flags & NO_ARP) != 0;
  }

  public boolean isLoopback() {
    return (flags & 8) != 0;
  }
}
