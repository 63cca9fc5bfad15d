package dev.casemate.agent;

import dev.casemate.linux.IpAddress;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.protocol.agent.AddARPNeighborsRequest;
import dev.casemate.protocol.types.ARPNeighbor;
import java.util.Optional;

/** {@code AddARPNeighbors}: fixed entries of the neighbour table. */
final class Neighbours {
  private Neighbours() {}

  static void add(AddARPNeighborsRequest request) {
    if (request.neighbors().isEmpty()) {
      return;
    }
    try (RouteNetlink netlink = RouteNetlink.open()) {
      for (ARPNeighbor neighbour : request.neighbors().get().arpNeighbors()) {
        netlink.replaceNeighbour(parse(netlink, neighbour));
      }
    }
  }

  private static NetworkNeighbour parse(RouteNetlink netlink, ARPNeighbor neighbour) {
    int index =
        netlink
            .link(neighbour.device())
            .orElseThrow(() -> Failures.notFound("no such interface: " + neighbour.device()))
            .index();
    String address =
        neighbour
            .toIpAddress()
            .orElseThrow(() -> Failures.invalid("a neighbour has no address"))
            .address();
    return new NetworkNeighbour(
        index,
        Interfaces.parse("address", address, IpAddress::parse),
        Optional.of(Interfaces.parse("MAC address", neighbour.lladdr(), MacAddress::parse)),
        neighbour.state() == 0 ? NetworkNeighbour.PERMANENT : neighbour.state());
  }
}
