package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.IpAddress;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteNetlink;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * The host's bridge as it is.
 *
 * @param gateway its own address, the first of the subnet
 * @param mtu bytes, not more than the way to the outside can carry
 */
record Bridge(int index, String name, IpNetwork subnet, IpAddress gateway, int mtu) {
  private static final List<String> SUBNETS =
      List.of(
          "10.87.0.0/16",
          "10.187.0.0/16",
          "172.29.0.0/16",
          "172.27.0.0/16",
          "10.201.0.0/16",
          "192.168.187.0/24",
          "192.168.87.0/24");
  private static final int MTU = 1500;
  private static final int LIMIT = 4096;
  private static final String FORWARDING = "/proc/sys/net/ipv4/ip_forward";
  private static final String PER_LINK = "/proc/sys/net/ipv4/conf/";
  private static final String PER_LINK_V6 = "/proc/sys/net/ipv6/conf/";

  /** The bridge, which is created if it is not there. */
  static Bridge ensure(RouteNetlink route, String name, String file) {
    Optional<Bridge> there = find(route, name);
    Bridge bridge = there.isPresent() ? there.get() : create(route, name, file);
    // Earlier versions left it switched on.
    withoutV6(name);
    // An administrator may have switched it off since.
    if (!FileContent.readString(FORWARDING, LIMIT).strip().equals("1")) {
      FileContent.writeControl(FORWARDING, "1");
    }
    return bridge;
  }

  static Optional<Bridge> find(RouteNetlink route, String name) {
    Optional<NetworkLink> link = route.link(name);
    if (link.isEmpty()) {
      return Optional.empty();
    }
    if (link.get().kind().equals("bridge")) {
      for (NetworkAddress address : route.addresses()) {
        if (address.linkIndex() == link.get().index() && !address.network().address().isV6()) {
          IpNetwork network = address.network();
          return Optional.of(
              new Bridge(
                  link.get().index(), name, network.masked(), network.address(), link.get().mtu()));
        }
      }
      // Half made by a process that crashed.
      if (!hasMember(route, link.get().index())) {
        route.deleteLink(link.get().index());
        return Optional.empty();
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.FAILED_PRECONDITION,
        "interface "
            + name
            + " exists and is not a bridge with an IPv4 address; remove or rename it");
  }

  private static boolean hasMember(RouteNetlink route, int bridge) {
    for (NetworkLink link : route.links()) {
      if (link.master() == bridge) {
        return true;
      }
    }
    return false;
  }

  private static Bridge create(RouteNetlink route, String name, String file) {
    IpNetwork subnet = subnet(route, file);
    IpAddress gateway = IpAddress.ofV4(subnet.address().v4() + 1);
    int mtu = mtu(route);
    byte[] mac = Machine.random(6);
    mac[0] = 2;
    route.createBridge(name, MacAddress.of(mac), mtu);
    int index =
        route
            .link(name)
            .orElseThrow(() -> new LinuxException("create bridge", name, Errno.ENODEV))
            .index();
    route.noLinkLocalAddress(index);
    withoutV6(name);
    // A published port is reached from the host's 127.0.0.1 by this; PacketFilter guards it.
    FileContent.writeControl(PER_LINK + name + "/route_localnet", "1");
    route.setUp(index);
    // The address last: it is what makes the bridge complete, see find.
    route.addAddress(index, new IpNetwork(gateway, subnet.prefix()));
    Json.Obj json =
        new Json.Obj()
            .put("name", name)
            .put("subnet", subnet.toString())
            .put("gateway", gateway.toString())
            .put("mtu", mtu);
    FileContent.replace(file, json.pretty().getBytes(StandardCharsets.UTF_8), 0600);
    return new Bridge(index, name, subnet, gateway, mtu);
  }

  /**
   * Keeps the host from speaking IPv6 on the bridge. A host that does not forward IPv6 believes
   * whoever advertises a router, and a guest would have all that the host sends by IPv6.
   */
  private static void withoutV6(String name) {
    String file = PER_LINK_V6 + name + "/disable_ipv6";
    // A kernel without IPv6 has no such file.
    if (Fs.exists(file) && !FileContent.readString(file, LIMIT).strip().equals("1")) {
      FileContent.writeControl(file, "1");
    }
  }

  /** Last time's subnet if it is still free, or the first that is free. */
  private static IpNetwork subnet(RouteNetlink route, String file) {
    List<NetworkRoute> routes = route.routes();
    List<NetworkAddress> addresses = route.addresses();
    if (Fs.exists(file)) {
      try {
        IpNetwork last =
            IpNetwork.parse(Json.parseObject(FileContent.readString(file, LIMIT)).string("subnet"));
        if (!last.address().isV6() && last.prefix() <= 29 && free(last, routes, addresses)) {
          return last.masked();
        }
      } catch (CasemateException | IllegalArgumentException e) {
        // Not ours, or cut short: it will be written anew.
        Fs.unlinkIfExists(file);
      }
    }
    for (String candidate : SUBNETS) {
      IpNetwork subnet = IpNetwork.parse(candidate);
      if (free(subnet, routes, addresses)) {
        return subnet;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.FAILED_PRECONDITION,
        "every subnet for the bridge network ("
            + String.join(", ", SUBNETS)
            + ") collides with a route or an address of the host; write {\"subnet\":\"…\"} with a"
            + " free one to "
            + file);
  }

  private static boolean free(
      IpNetwork subnet, List<NetworkRoute> routes, List<NetworkAddress> addresses) {
    for (NetworkRoute route : routes) {
      if (!route.isDefault() && route.destination().overlaps(subnet)) {
        return false;
      }
    }
    for (NetworkAddress address : addresses) {
      if (address.network().overlaps(subnet)) {
        return false;
      }
    }
    for (String nameserver : Dns.forGuest(DnsConfig.HOST, false).nameservers()) {
      if (subnet.contains(IpAddress.parse(nameserver))) {
        return false;
      }
    }
    return true;
  }

  private static int mtu(RouteNetlink route) {
    for (NetworkRoute r : route.routes()) {
      if (r.isDefault()
          && !r.destination().address().isV6()
          && r.table() == NetworkRoute.TABLE_MAIN) {
        for (NetworkLink link : route.links()) {
          if (link.index() == r.linkIndex()) {
            return Math.min(MTU, link.mtu());
          }
        }
      }
    }
    return MTU;
  }
}
