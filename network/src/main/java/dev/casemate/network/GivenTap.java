package dev.casemate.network;

import dev.casemate.linux.Errno;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Machine;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.MacAddress;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.RouteNetlink;
import java.util.Optional;

/**
 * A TAP that somebody has made for a VM to open: the VM gets its MAC address and its IP addresses,
 * which it must not have itself meanwhile, or the namespace's IP stack would answer for the guest.
 */
final class GivenTap {
  private GivenTap() {}

  static Endpoint attach(
      RouteNetlink route, NamespaceScan scan, String netnsPath, NetworkLink link) {
    Endpoint endpoint =
        scan.describe(link, Takeover.requireMac(link, netnsPath))
            .joined(Joint.GIVEN_TAP, link.name());
    try {
      for (IpNetwork address : endpoint.addresses()) {
        route.deleteAddress(link.index(), address);
      }
      byte[] other = Machine.random(6);
      other[0] = 2;
      route.setMac(link.index(), MacAddress.of(other));
      route.setUp(link.index());
    } catch (RuntimeException e) {
      detach(route, endpoint);
      throw e;
    }
    return endpoint;
  }

  /** Gives the TAP back what it had. */
  static void detach(RouteNetlink route, Endpoint endpoint) {
    Optional<NetworkLink> link = route.link(endpoint.interfaceName());
    if (link.isEmpty() || link.get().index() != endpoint.linkIndex()) {
      return;
    }
    int index = link.get().index();
    try {
      route.setMac(index, endpoint.mac());
      for (IpNetwork address : endpoint.addresses()) {
        route.addAddress(index, address);
      }
      route.replaceRoutes(endpoint.routes());
      for (NetworkNeighbour neighbour : endpoint.neighbours()) {
        route.replaceNeighbour(neighbour);
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENODEV) {
        throw e;
      }
    }
  }
}
