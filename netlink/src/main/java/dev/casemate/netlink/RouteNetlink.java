package dev.casemate.netlink;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Links, addresses, routes and neighbours of one network namespace (rtnetlink(7)): the one of the
 * thread that called {@link #open}. For one thread at a time. Errors are {@link LinuxException}s
 * with the kernel's errno and, where it gives one, its text.
 */
public final class RouteNetlink implements AutoCloseable {
  private static final int NEW_LINK = 16;
  private static final int DELETE_LINK = 17;
  private static final int GET_LINK = 18;
  private static final int SET_LINK = 19;
  private static final int AF_BRIDGE = 7;
  private static final int PORT_INFO = 12;
  private static final int PORT_HAIRPIN = 4;
  private static final int NEW_ADDRESS = 20;
  private static final int DELETE_ADDRESS = 21;
  private static final int GET_ADDRESS = 22;
  private static final int NEW_ROUTE = 24;
  private static final int DELETE_ROUTE = 25;
  private static final int GET_ROUTE = 26;
  private static final int NEW_NEIGHBOUR = 28;
  private static final int DELETE_NEIGHBOUR = 29;
  private static final int GET_NEIGHBOUR = 30;
  private static final int UP = 1;
  private static final int NAMESPACE_FD = 28;
  private static final int EXTENDED_MASK = 29;
  private static final int SKIP_STATISTICS = 8;
  private static final int ADDRESS_FAMILIES = 26;
  private static final int AF_INET6 = 10;
  private static final int INET6_ADDRESS_MODE = 8;
  private static final int MODE_NONE = 1;
  private static final int VETH_PEER = 1;
  private static final int LOWER_LINK = 5;
  private static final int MACVLAN_MODE = 1;
  private static final int MACVLAN_BRIDGE = 4;
  private static final int MACVLAN_PASSTHRU = 8;
  private static final int NO_DAD = 2;

  private final Netlink netlink;

  private RouteNetlink(Netlink netlink) {
    this.netlink = netlink;
  }

  /** Opens a socket in the calling thread's network namespace. */
  public static RouteNetlink open() {
    return new RouteNetlink(Netlink.open(Netlink.ROUTE));
  }

  Netlink netlink() {
    return netlink;
  }

  private static NetlinkMessage link(int type, int flags, int index, int on, int change) {
    return new NetlinkMessage(type, flags).put32(0).put32(index).put32(on).put32(change);
  }

  /** All links. */
  public List<NetworkLink> links() {
    List<NetworkLink> links = new ArrayList<>();
    NetlinkMessage request = link(GET_LINK, 0, 0, 0, 0).attribute32(EXTENDED_MASK, SKIP_STATISTICS);
    for (NetlinkReader message : netlink.dump(request, "list links")) {
      if (message.type() == NEW_LINK) {
        links.add(NetworkLink.of(message));
      }
    }
    return links;
  }

  /** The link of a name, if there is one. */
  public Optional<NetworkLink> link(String name) {
    NetlinkMessage request =
        link(GET_LINK, 0, 0, 0, 0)
            .attribute(NetworkLink.NAME, name)
            .attribute32(EXTENDED_MASK, SKIP_STATISTICS);
    try {
      List<NetlinkReader> replies = netlink.request(request, "find link " + name);
      return replies.isEmpty() ? Optional.empty() : Optional.of(NetworkLink.of(replies.get(0)));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENODEV) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** The link of a MAC address, if there is one. */
  public Optional<NetworkLink> link(MacAddress mac) {
    for (NetworkLink link : links()) {
      if (link.mac().isPresent() && link.mac().get().equals(mac)) {
        return Optional.of(link);
      }
    }
    return Optional.empty();
  }

  private void change(NetlinkMessage message, String what) {
    netlink.request(message, what);
  }

  /** Switches a link on; the loopback interface gets its addresses by that. */
  public void setUp(int index) {
    change(link(NEW_LINK, 0, index, UP, UP), "set link " + index + " up");
  }

  public void setDown(int index) {
    change(link(NEW_LINK, 0, index, 0, UP), "set link " + index + " down");
  }

  /** Whether neighbours are asked for by ARP and neighbour discovery. */
  public void setArp(int index, boolean on) {
    int flags = on ? 0 : NetworkLink.NO_ARP;
    change(
        link(NEW_LINK, 0, index, flags, NetworkLink.NO_ARP),
        "set link " + index + (on ? " arp on" : " arp off"));
  }

  /** Keeps the kernel from giving the link an IPv6 address of its own; before it is up. */
  public void noLinkLocalAddress(int index) {
    NetlinkMessage message = link(NEW_LINK, 0, index, 0, 0);
    int families = message.beginNested(ADDRESS_FAMILIES);
    int inet6 = message.beginNested(AF_INET6);
    message.attribute8(INET6_ADDRESS_MODE, MODE_NONE).end(inet6).end(families);
    try {
      change(message, "set link " + index + " without link-local address");
    } catch (LinuxException e) {
      // A kernel without IPv6, or with IPv6 switched off: then there is nothing to prevent.
      if (e.errno() != Errno.EAFNOSUPPORT && e.errno() != Errno.EINVAL) {
        throw e;
      }
    }
  }

  /** Sets the MTU in bytes. */
  public void setMtu(int index, int mtu) {
    change(
        link(NEW_LINK, 0, index, 0, 0).attribute32(NetworkLink.MTU, mtu),
        "set link " + index + " mtu " + mtu);
  }

  /** Renames a link; EBUSY if it is up and the kernel older than 6.2. */
  public void rename(int index, String name) {
    change(
        link(NEW_LINK, 0, index, 0, 0).attribute(NetworkLink.NAME, name),
        "rename link " + index + " to " + name);
  }

  public void setMac(int index, MacAddress mac) {
    change(
        link(NEW_LINK, 0, index, 0, 0).attribute(NetworkLink.MAC, mac.bytes()),
        "set link " + index + " address " + mac);
  }

  /** Lets a bridge send frames back out of the port that they came in by. */
  public void setHairpin(int index, boolean on) {
    NetlinkMessage message =
        new NetlinkMessage(SET_LINK, 0).put32(AF_BRIDGE).put32(index).put32(0).put32(0);
    int port = message.beginNested(PORT_INFO);
    change(
        message.attribute8(PORT_HAIRPIN, on ? 1 : 0).end(port),
        "set hairpin mode of link " + index);
  }

  /** Leaves a free text on a link, at most 255 bytes. */
  public void setAlias(int index, String alias) {
    change(
        link(NEW_LINK, 0, index, 0, 0).attribute(NetworkLink.ALIAS, alias),
        "set link " + index + " alias");
  }

  /** Moves a link into another namespace, where it gets a name and maybe another index. */
  public void moveToNamespace(int index, Fd namespace, String name) {
    change(
        link(NEW_LINK, 0, index, 0, 0)
            .attribute32(NAMESPACE_FD, namespace.number())
            .attribute(NetworkLink.NAME, name),
        "move link " + index + " to another namespace as " + name);
  }

  public void deleteLink(int index) {
    change(link(DELETE_LINK, 0, index, 0, 0), "delete link " + index);
  }

  /** Creates a bridge without spanning tree, switched off; EEXIST if the name is taken. */
  public void createBridge(String name, MacAddress mac, int mtu) {
    NetlinkMessage message =
        link(NEW_LINK, NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE, 0, 0, 0)
            .attribute(NetworkLink.NAME, name)
            .attribute(NetworkLink.MAC, mac.bytes())
            .attribute32(NetworkLink.MTU, mtu);
    int info = message.beginNested(NetworkLink.INFO);
    message.attribute(NetworkLink.INFO_KIND, "bridge").end(info);
    change(message, "create bridge " + name);
  }

  /**
   * One end of a veth pair.
   *
   * @param mac empty: the kernel draws one
   */
  public record VethEnd(String name, Optional<MacAddress> mac) {}

  /**
   * Creates a veth pair: {@code here} in this namespace, {@code there} in another, both switched
   * off.
   *
   * @param master index of the bridge that gets {@code here} as a port, or 0
   */
  public void createVeth(VethEnd here, int master, VethEnd there, Fd thereNamespace, int mtu) {
    NetlinkMessage message =
        link(NEW_LINK, NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE, 0, 0, 0);
    end(message, here, mtu);
    if (master != 0) {
      message.attribute32(NetworkLink.MASTER, master);
    }
    int info = message.beginNested(NetworkLink.INFO);
    message.attribute(NetworkLink.INFO_KIND, "veth");
    int data = message.beginNested(NetworkLink.INFO_DATA);
    int peer = message.beginNested(VETH_PEER);
    message.put32(0).put32(0).put32(0).put32(0);
    end(message, there, mtu);
    message.attribute32(NAMESPACE_FD, thereNamespace.number()).end(peer).end(data).end(info);
    change(message, "create veth " + here.name() + " with peer " + there.name());
  }

  /**
   * Creates a macvtap over a link, in the mode that passes everything through: it has the link's
   * MAC address, and the namespace's own IP stack no longer sees what arrives there. Switched off.
   */
  public void createMacVtap(String name, int lower, MacAddress mac, int mtu) {
    NetlinkMessage message =
        link(NEW_LINK, NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE, 0, 0, 0)
            .attribute(NetworkLink.NAME, name)
            .attribute(NetworkLink.MAC, mac.bytes())
            .attribute32(NetworkLink.MTU, mtu)
            .attribute32(LOWER_LINK, lower);
    int info = message.beginNested(NetworkLink.INFO);
    message.attribute(NetworkLink.INFO_KIND, "macvtap");
    int data = message.beginNested(NetworkLink.INFO_DATA);
    message.attribute32(MACVLAN_MODE, MACVLAN_PASSTHRU).end(data).end(info);
    change(message, "create macvtap " + name + " on link " + lower);
  }

  /**
   * Creates a macvlan of mode {@code bridge} over a link, switched off.
   *
   * @param namespace where it is to be
   */
  public void createMacVlan(String name, int lower, Fd namespace) {
    createOver(name, lower, namespace, "macvlan");
  }

  /** As {@link #createMacVlan}, a macvtap. */
  public void createMacVtap(String name, int lower, Fd namespace) {
    createOver(name, lower, namespace, "macvtap");
  }

  private void createOver(String name, int lower, Fd namespace, String kind) {
    NetlinkMessage message =
        link(NEW_LINK, NetlinkMessage.CREATE | NetlinkMessage.EXCLUSIVE, 0, 0, 0)
            .attribute(NetworkLink.NAME, name)
            .attribute32(LOWER_LINK, lower)
            .attribute32(NAMESPACE_FD, namespace.number());
    int info = message.beginNested(NetworkLink.INFO);
    message.attribute(NetworkLink.INFO_KIND, kind);
    int data = message.beginNested(NetworkLink.INFO_DATA);
    message.attribute32(MACVLAN_MODE, MACVLAN_BRIDGE).end(data).end(info);
    change(message, "create " + kind + " " + name + " on link " + lower);
  }

  private static void end(NetlinkMessage message, VethEnd end, int mtu) {
    message.attribute(NetworkLink.NAME, end.name()).attribute32(NetworkLink.MTU, mtu);
    if (end.mac().isPresent()) {
      message.attribute(NetworkLink.MAC, end.mac().get().bytes());
    }
  }

  private static NetlinkMessage address(int type, int flags, int index, IpNetwork network) {
    IpAddress address = network.address();
    NetlinkMessage message =
        new NetlinkMessage(type, flags)
            .put8(address.family())
            .put8(network.prefix())
            .put8(address.isV6() ? NO_DAD : 0)
            .put8(address.isLoopback() ? 254 : address.isLinkLocal() ? 253 : 0)
            .put32(index)
            .attribute(NetworkAddress.LOCAL, address.bytes())
            .attribute(NetworkAddress.ADDRESS, address.bytes());
    if (!address.isV6() && network.prefix() < 31) {
      message.attribute(NetworkAddress.BROADCAST, network.last().bytes());
    }
    return message;
  }

  /** All addresses of both families. */
  public List<NetworkAddress> addresses() {
    List<NetworkAddress> addresses = new ArrayList<>();
    NetlinkMessage request = new NetlinkMessage(GET_ADDRESS, 0).put32(0).put32(0);
    for (NetlinkReader message : netlink.dump(request, "list addresses")) {
      if (message.type() == NEW_ADDRESS && (message.u8(0) == 2 || message.u8(0) == AF_INET6)) {
        addresses.add(NetworkAddress.of(message));
      }
    }
    return addresses;
  }

  /**
   * Gives a link an address, usable at once (an IPv6 one without duplicate detection); one that it
   * has already is fine.
   */
  public void addAddress(int index, IpNetwork network) {
    change(
        address(NEW_ADDRESS, NetlinkMessage.CREATE | NetlinkMessage.REPLACE, index, network),
        "add address " + network + " to link " + index);
  }

  public void deleteAddress(int index, IpNetwork network) {
    change(
        address(DELETE_ADDRESS, 0, index, network),
        "delete address " + network + " of link " + index);
  }

  private static NetlinkMessage route(int type, int flags, NetworkRoute route) {
    IpNetwork to = route.destination().masked();
    NetlinkMessage message =
        new NetlinkMessage(type, flags)
            .put8(to.address().family())
            .put8(to.prefix())
            .put16(0)
            .put8(route.table() > 255 ? 0 : route.table())
            .put8(route.protocol())
            .put8(route.scope())
            .put8(route.type())
            .put32(route.onLink() ? NetworkRoute.FLAG_ON_LINK : 0);
    message.attribute32(NetworkRoute.TABLE, route.table());
    if (to.prefix() > 0) {
      message.attribute(NetworkRoute.DESTINATION, to.address().bytes());
    }
    if (route.gateway().isPresent()) {
      message.attribute(NetworkRoute.GATEWAY, route.gateway().get().bytes());
    }
    if (route.linkIndex() != 0) {
      message.attribute32(NetworkRoute.LINK, route.linkIndex());
    }
    if (route.source().isPresent()) {
      message.attribute(NetworkRoute.SOURCE, route.source().get().bytes());
    }
    if (route.metric() != 0) {
      message.attribute32(NetworkRoute.PRIORITY, route.metric());
    }
    if (route.mtu() != 0) {
      int metrics = message.beginNested(NetworkRoute.METRICS);
      message.attribute32(NetworkRoute.METRIC_MTU, route.mtu()).end(metrics);
    }
    return message;
  }

  /** All routes of all tables, both families; a route with several next hops has its first. */
  public List<NetworkRoute> routes() {
    List<NetworkRoute> routes = new ArrayList<>();
    NetlinkMessage request = new NetlinkMessage(GET_ROUTE, 0).put32(0).put32(0).put32(0);
    for (NetlinkReader message : netlink.dump(request, "list routes")) {
      if (message.type() == NEW_ROUTE) {
        NetworkRoute.of(message).ifPresent(routes::add);
      }
    }
    return routes;
  }

  /** Adds a route, or replaces the one to the same destination with the same metric. */
  public void replaceRoute(NetworkRoute route) {
    change(
        route(NEW_ROUTE, NetlinkMessage.CREATE | NetlinkMessage.REPLACE, route),
        "set route to " + route.destination());
  }

  /** As {@link #replaceRoute}, those without a gateway first: they lead to the gateways. */
  public void replaceRoutes(List<NetworkRoute> routes) {
    for (NetworkRoute route : routes) {
      if (route.gateway().isEmpty()) {
        replaceRoute(route);
      }
    }
    for (NetworkRoute route : routes) {
      if (route.gateway().isPresent()) {
        replaceRoute(route);
      }
    }
  }

  public void deleteRoute(NetworkRoute route) {
    change(route(DELETE_ROUTE, 0, route), "delete route to " + route.destination());
  }

  private static NetlinkMessage neighbour(int type, int flags, NetworkNeighbour neighbour) {
    return new NetlinkMessage(type, flags)
        .put32(neighbour.address().family())
        .put32(neighbour.linkIndex())
        .put16(neighbour.state())
        .put16(0)
        .attribute(NetworkNeighbour.ADDRESS, neighbour.address().bytes());
  }

  /** ARP and NDP entries. */
  public List<NetworkNeighbour> neighbours() {
    List<NetworkNeighbour> neighbours = new ArrayList<>();
    NetlinkMessage request = new NetlinkMessage(GET_NEIGHBOUR, 0).put32(0).put32(0).put32(0);
    for (NetlinkReader message : netlink.dump(request, "list neighbours")) {
      if (message.type() == NEW_NEIGHBOUR) {
        NetworkNeighbour.of(message).ifPresent(neighbours::add);
      }
    }
    return neighbours;
  }

  /** Adds or replaces an entry that has a MAC address. */
  public void replaceNeighbour(NetworkNeighbour neighbour) {
    MacAddress mac =
        neighbour
            .mac()
            .orElseThrow(() -> new IllegalArgumentException(neighbour + " has no MAC address"));
    change(
        neighbour(NEW_NEIGHBOUR, NetlinkMessage.CREATE | NetlinkMessage.REPLACE, neighbour)
            .attribute(NetworkNeighbour.MAC, mac.bytes()),
        "set neighbour " + neighbour.address());
  }

  public void deleteNeighbour(NetworkNeighbour neighbour) {
    change(neighbour(DELETE_NEIGHBOUR, 0, neighbour), "delete neighbour " + neighbour.address());
  }

  @Override
  public void close() {
    netlink.close();
  }
}
