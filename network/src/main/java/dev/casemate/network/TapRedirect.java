package dev.casemate.network;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.IpNetwork;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.MacAddress;
import dev.casemate.linux.NetworkAddress;
import dev.casemate.linux.NetworkLink;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.NetworkNeighbour;
import dev.casemate.linux.NetworkRoute;
import dev.casemate.linux.RouteNetlink;
import dev.casemate.linux.TrafficControl;
import dev.casemate.linux.TunTap;
import dev.casemate.oci.CasemateException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Joins an interface of a network namespace to a TAP, so that a VM's interface takes its place:
 * whatever arrives at one leaves by the other, before the namespace's own IP stack sees it. It does
 * not matter who made the interface and how it was addressed.
 */
public final class TapRedirect {
  private static final int TAP_LIMIT = 1000;

  private TapRedirect() {}

  /** Joins one interface, and says what the guest's interface has to look like. */
  public static Endpoint attach(String netnsPath, String interfaceName) {
    try (RouteNetlink route = NetworkNamespace.run(netnsPath, RouteNetlink::open)) {
      return attach(route, netnsPath, interfaceName);
    }
  }

  /** Joins every Ethernet interface of a namespace that is not joined yet, in their order. */
  public static List<Endpoint> attachAll(String netnsPath) {
    try (RouteNetlink route = NetworkNamespace.run(netnsPath, RouteNetlink::open)) {
      List<Endpoint> endpoints = new ArrayList<>();
      try {
        for (NetworkLink link : route.links()) {
          // Tunnel devices that the kernel puts into every namespace have no Ethernet address.
          if (!link.isLoopback() && link.mac().isPresent() && !link.kind().equals("tun")) {
            endpoints.add(attach(route, netnsPath, link.name()));
          }
        }
        return endpoints;
      } catch (RuntimeException e) {
        for (Endpoint endpoint : endpoints) {
          detach(netnsPath, endpoint);
        }
        throw e;
      }
    }
  }

  static Endpoint attach(RouteNetlink route, String netnsPath, String interfaceName) {
    NetworkLink link =
        route
            .link(interfaceName)
            .orElseThrow(
                () ->
                    CasemateException.of(
                        CasemateException.Kind.NOT_FOUND,
                        "network namespace "
                            + netnsPath
                            + " has no interface "
                            + interfaceName
                            + "; create it before the sandbox"));
    MacAddress mac =
        link.mac()
            .orElseThrow(
                () ->
                    CasemateException.of(
                        CasemateException.Kind.INVALID_ARGUMENT,
                        "interface "
                            + interfaceName
                            + " in "
                            + netnsPath
                            + " has no Ethernet address; a VM can only take over an Ethernet"
                            + " interface"));
    String tapName = freeTapName(route);
    Endpoint endpoint =
        new Endpoint(
            interfaceName,
            tapName,
            mac,
            link.mtu(),
            addresses(route, link.index()),
            routes(route, link.index()),
            neighbours(route, link.index()));
    TrafficControl control = new TrafficControl(route);
    try {
      control.addIngress(link.index());
    } catch (LinuxException e) {
      if (e.errno() == Errno.EEXIST) {
        throw CasemateException.of(
            CasemateException.Kind.FAILED_PRECONDITION,
            "interface "
                + interfaceName
                + " in "
                + netnsPath
                + " has an ingress qdisc already; is another sandbox attached to it?",
            e);
      }
      throw e;
    }
    try {
      try (Fd tap = NetworkNamespace.run(netnsPath, () -> TunTap.open(tapName, true))) {
        TunTap.persistent(tap, true);
      }
      NetworkLink tap = route.link(tapName).orElseThrow();
      route.noLinkLocalAddress(tap.index());
      route.setMtu(tap.index(), link.mtu());
      control.addIngress(tap.index());
      control.redirectAll(tap.index(), link.index());
      control.redirectAll(link.index(), tap.index());
      route.setUp(tap.index());
      if (!link.isUp()) {
        route.setUp(link.index());
      }
      return endpoint;
    } catch (RuntimeException e) {
      detach(route, endpoint);
      throw e;
    }
  }

  /** Takes the TAP and the redirection away; what is gone already is fine. */
  public static void detach(String netnsPath, Endpoint endpoint) {
    if (NetworkNamespace.exists(netnsPath)) {
      try (RouteNetlink route = NetworkNamespace.run(netnsPath, RouteNetlink::open)) {
        detach(route, endpoint);
      }
    }
  }

  private static void detach(RouteNetlink route, Endpoint endpoint) {
    TrafficControl control = new TrafficControl(route);
    Optional<NetworkLink> link = route.link(endpoint.interfaceName());
    if (link.isPresent()) {
      try {
        control.deleteIngress(link.get().index());
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENOENT && e.errno() != Errno.EINVAL && e.errno() != Errno.ENODEV) {
          throw e;
        }
      }
    }
    Optional<NetworkLink> tap = route.link(endpoint.tapName());
    if (tap.isPresent()) {
      try {
        route.deleteLink(tap.get().index());
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENODEV) {
          throw e;
        }
      }
    }
  }

  private static String freeTapName(RouteNetlink route) {
    Set<String> taken = new HashSet<>();
    for (NetworkLink link : route.links()) {
      taken.add(link.name());
    }
    for (int i = 0; i < TAP_LIMIT; i++) {
      if (!taken.contains("tap" + i)) {
        return "tap" + i;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.RESOURCE_EXHAUSTED,
        "a network namespace has " + TAP_LIMIT + " TAP interfaces; remove those that are unused");
  }

  private static List<IpNetwork> addresses(RouteNetlink route, int index) {
    List<IpNetwork> addresses = new ArrayList<>();
    for (NetworkAddress address : route.addresses()) {
      // The guest makes its own link-local address, the same one, from the same MAC.
      if (address.linkIndex() == index
          && !(address.network().address().isV6() && address.network().address().isLinkLocal())) {
        addresses.add(address.network());
      }
    }
    return addresses;
  }

  private static List<NetworkRoute> routes(RouteNetlink route, int index) {
    List<NetworkRoute> routes = new ArrayList<>();
    for (NetworkRoute r : route.routes()) {
      if (r.linkIndex() == index
          && r.table() == NetworkRoute.TABLE_MAIN
          && r.type() == NetworkRoute.UNICAST
          && r.protocol() != NetworkRoute.PROTOCOL_KERNEL) {
        routes.add(r);
      }
    }
    return routes;
  }

  private static List<NetworkNeighbour> neighbours(RouteNetlink route, int index) {
    List<NetworkNeighbour> neighbours = new ArrayList<>();
    for (NetworkNeighbour neighbour : route.neighbours()) {
      if (neighbour.linkIndex() == index
          && neighbour.isPermanent()
          && neighbour.mac().isPresent()) {
        neighbours.add(neighbour);
      }
    }
    return neighbours;
  }
}
