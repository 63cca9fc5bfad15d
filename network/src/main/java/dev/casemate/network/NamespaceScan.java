package dev.casemate.network;

import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteNetlink;
import java.util.ArrayList;
import java.util.List;

/** One look at a network namespace: the interfaces that a VM can take over, and what they have. */
final class NamespaceScan {
  /** Who made a route: it came in a router advertisement; the guest hears these itself. */
  private static final int PROTOCOL_RA = 9;

  private final List<NetworkLink> links;
  private final List<NetworkAddress> addresses;
  private final List<NetworkRoute> routes;
  private final List<NetworkNeighbour> neighbours;

  private NamespaceScan(
      List<NetworkLink> links,
      List<NetworkAddress> addresses,
      List<NetworkRoute> routes,
      List<NetworkNeighbour> neighbours) {
    this.links = links;
    this.addresses = addresses;
    this.routes = routes;
    this.neighbours = neighbours;
  }

  static NamespaceScan of(RouteNetlink route) {
    return new NamespaceScan(route.links(), route.addresses(), route.routes(), route.neighbours());
  }

  List<NetworkLink> links() {
    return links;
  }

  /** Interfaces that a VM is to take over, in their order. */
  List<NetworkLink> candidates() {
    List<NetworkLink> candidates = new ArrayList<>();
    for (NetworkLink link : links) {
      if (isCandidate(link)) {
        candidates.add(link);
      }
    }
    return candidates;
  }

  /**
   * Not the loopback interface, which the guest has itself; not tunnels without an Ethernet
   * address, which the kernel puts into every namespace; not the ports of a bridge or bond, whose
   * master it is that has addresses; not ours.
   */
  private boolean isCandidate(NetworkLink link) {
    if (link.isLoopback()
        || link.mac().isEmpty()
        || link.master() != 0
        || link.alias().startsWith(Names.ALIAS)) {
      return false;
    }
    return switch (link.kind()) {
      // Traffic control's own; nothing arrives there.
      case "ifb" -> false;
      // The kernel's fallback devices, as long as they are unused.
      case "gretap", "ip6gretap", "erspan", "ip6erspan" ->
          link.isUp() || !addresses(link.index()).isEmpty();
      default -> true;
    };
  }

  /** What a guest's interface has to look like to stand for a link. */
  Endpoint describe(NetworkLink link, MacAddress mac) {
    return new Endpoint(
        link.name(),
        link.index(),
        Joint.REDIRECT,
        "",
        mac,
        link.mtu(),
        link.isNoArp(),
        addresses(link.index()),
        routes(link.index()),
        neighbours(link.index()));
  }

  private List<IpNetwork> addresses(int index) {
    List<IpNetwork> found = new ArrayList<>();
    for (NetworkAddress address : addresses) {
      // The guest makes its own link-local address, the same one, from the same MAC.
      if (address.linkIndex() == index
          && !(address.network().address().isV6() && address.network().address().isLinkLocal())) {
        found.add(address.network());
      }
    }
    return found;
  }

  private List<NetworkRoute> routes(int index) {
    List<NetworkRoute> found = new ArrayList<>();
    for (NetworkRoute r : routes) {
      if (r.linkIndex() == index
          && r.table() == NetworkRoute.TABLE_MAIN
          && r.type() == NetworkRoute.UNICAST
          && r.protocol() != NetworkRoute.PROTOCOL_KERNEL
          && r.protocol() != PROTOCOL_RA) {
        found.add(r);
      }
    }
    return found;
  }

  private List<NetworkNeighbour> neighbours(int index) {
    List<NetworkNeighbour> found = new ArrayList<>();
    for (NetworkNeighbour neighbour : neighbours) {
      if (neighbour.linkIndex() == index
          && neighbour.isPermanent()
          && neighbour.mac().isPresent()) {
        found.add(neighbour);
      }
    }
    return found;
  }
}
