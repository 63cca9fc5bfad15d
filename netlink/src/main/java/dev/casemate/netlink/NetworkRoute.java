package dev.casemate.netlink;

import dev.casemate.linux.IpAddress;
import java.util.List;
import java.util.Optional;

/**
 * A route with one next hop.
 *
 * @param destination {@link IpNetwork#ANY_V4} or {@link IpNetwork#ANY_V6} for the default route
 * @param gateway empty: the destination is on the link
 * @param linkIndex the interface, 0 if the kernel is to choose
 * @param source preferred source address
 * @param metric priority, 0 unset
 * @param mtu path MTU in bytes, 0 unset
 * @param scope 0 global, 253 link, 254 host
 * @param table 254 is the main table
 * @param type 1 unicast, 2 local, 3 broadcast, 6 blackhole, 7 unreachable
 * @param protocol who made it: 2 kernel, 3 boot, 4 static, 9 router advertisement
 * @param onLink the gateway is reachable on the link though no route says so
 */
public record NetworkRoute(
    IpNetwork destination,
    Optional<IpAddress> gateway,
    int linkIndex,
    Optional<IpAddress> source,
    int metric,
    int mtu,
    int scope,
    int table,
    int type,
    int protocol,
    boolean onLink) {
  public static final int TABLE_MAIN = 254;
  public static final int UNICAST = 1;
  public static final int PROTOCOL_KERNEL = 2;
  public static final int PROTOCOL_STATIC = 4;
  public static final int SCOPE_LINK = 253;
  static final int FIXED = 12;
  static final int DESTINATION = 1;
  static final int LINK = 4;
  static final int GATEWAY = 5;
  static final int PRIORITY = 6;
  static final int SOURCE = 7;
  static final int METRICS = 8;
  static final int METRIC_MTU = 2;
  static final int TABLE = 15;
  static final int FLAG_ON_LINK = 4;

  /** A static unicast route in the main table. */
  public static NetworkRoute via(IpNetwork destination, IpAddress gateway, int linkIndex) {
    return of(destination, Optional.of(gateway), linkIndex);
  }

  /** A static route to a destination on the link itself. */
  public static NetworkRoute onLink(IpNetwork destination, int linkIndex) {
    return of(destination, Optional.empty(), linkIndex);
  }

  /** A static unicast route in the main table, by a gateway or without one. */
  public static NetworkRoute of(IpNetwork destination, Optional<IpAddress> gateway, int linkIndex) {
    return new NetworkRoute(
        destination,
        gateway,
        linkIndex,
        Optional.empty(),
        0,
        0,
        gateway.isPresent() || destination.address().isV6() ? 0 : SCOPE_LINK,
        TABLE_MAIN,
        UNICAST,
        PROTOCOL_STATIC,
        false);
  }

  /** Empty for address families other than IP. */
  static Optional<NetworkRoute> of(NetlinkReader message) {
    int family = message.u8(0);
    if (family != 2 && family != 10) {
      return Optional.empty();
    }
    List<NetlinkReader> attributes = message.attributes(FIXED);
    IpNetwork any = family == 2 ? IpNetwork.ANY_V4 : IpNetwork.ANY_V6;
    IpAddress destination = NetlinkReader.address(attributes, DESTINATION).orElse(any.address());
    int prefix = message.u8(1);
    if (prefix > destination.bits()) {
      throw NetlinkReader.malformed("prefix of " + prefix + " bits");
    }
    int mtu = 0;
    Optional<NetlinkReader> metrics = NetlinkReader.find(attributes, METRICS);
    if (metrics.isPresent()) {
      mtu = NetlinkReader.i32(metrics.get().attributes(0), METRIC_MTU, 0);
    }
    return Optional.of(
        new NetworkRoute(
            new IpNetwork(destination, prefix),
            NetlinkReader.address(attributes, GATEWAY),
            NetlinkReader.i32(attributes, LINK, 0),
            NetlinkReader.address(attributes, SOURCE),
            NetlinkReader.i32(attributes, PRIORITY, 0),
            mtu,
            message.u8(6),
            NetlinkReader.i32(attributes, TABLE, message.u8(4)),
            message.u8(7),
            message.u8(5),
            (message.i32(8) & FLAG_ON_LINK) != 0));
  }

  public boolean isDefault() {
    return destination.prefix() == 0;
  }
}
