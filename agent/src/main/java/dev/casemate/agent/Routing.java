package dev.casemate.agent;

import dev.casemate.linux.IpAddress;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.netlink.RouteNetlink;
import dev.casemate.protocol.agent.Routes;
import dev.casemate.protocol.agent.UpdateRoutesRequest;
import dev.casemate.protocol.types.IPFamily;
import dev.casemate.protocol.types.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code UpdateRoutes} and {@code ListRoutes}: the main table's routes. */
final class Routing {
  private static final int ON_LINK = 4;

  private Routing() {}

  /** Replaces all routes but those that the kernel has made itself. */
  static Routes update(UpdateRoutesRequest request) {
    try (RouteNetlink netlink = RouteNetlink.open()) {
      List<NetworkRoute> wanted = new ArrayList<>();
      if (request.routes().isPresent()) {
        for (Route route : request.routes().get().routes()) {
          wanted.add(parse(netlink, route));
        }
      }
      for (NetworkRoute old : netlink.routes()) {
        if (isOurs(old) && old.protocol() != NetworkRoute.PROTOCOL_KERNEL) {
          netlink.deleteRoute(old);
        }
      }
      netlink.replaceRoutes(wanted);
      return list(netlink);
    }
  }

  private static boolean isOurs(NetworkRoute route) {
    return route.table() == NetworkRoute.TABLE_MAIN && route.type() == NetworkRoute.UNICAST;
  }

  private static NetworkRoute parse(RouteNetlink netlink, Route route) {
    boolean v6 = route.family() == IPFamily.V6 || route.gateway().indexOf(':') >= 0;
    IpNetwork destination =
        route.dest().isEmpty() || route.dest().equals("default")
            ? v6 ? IpNetwork.ANY_V6 : IpNetwork.ANY_V4
            : network(route.dest());
    Optional<IpAddress> gateway = address("gateway", route.gateway());
    int index = 0;
    if (!route.device().isEmpty()) {
      index =
          netlink
              .link(route.device())
              .orElseThrow(() -> Failures.notFound("no such interface: " + route.device()))
              .index();
    }
    NetworkRoute plain = NetworkRoute.of(destination, gateway, index);
    return new NetworkRoute(
        destination,
        gateway,
        index,
        address("source", route.source()),
        route.metric(),
        route.mtu(),
        gateway.isPresent() ? plain.scope() : scope(route, plain),
        plain.table(),
        plain.type(),
        plain.protocol(),
        (route.flags() & ON_LINK) != 0);
  }

  private static int scope(Route route, NetworkRoute plain) {
    return route.scope() == 0 ? plain.scope() : route.scope();
  }

  private static IpNetwork network(String text) {
    String full = text.indexOf('/') >= 0 ? text : text + (text.indexOf(':') >= 0 ? "/128" : "/32");
    return Interfaces.parse("route destination", full, IpNetwork::parse);
  }

  private static Optional<IpAddress> address(String what, String text) {
    return text.isEmpty()
        ? Optional.empty()
        : Optional.of(Interfaces.parse(what, text, IpAddress::parse));
  }

  static Routes list() {
    try (RouteNetlink netlink = RouteNetlink.open()) {
      return list(netlink);
    }
  }

  private static Routes list(RouteNetlink netlink) {
    List<NetworkLink> links = netlink.links();
    List<Route> routes = new ArrayList<>();
    for (NetworkRoute route : netlink.routes()) {
      if (isOurs(route)) {
        routes.add(describe(route, links));
      }
    }
    return Routes.builder().routes(routes).build();
  }

  private static Route describe(NetworkRoute route, List<NetworkLink> links) {
    String device = "";
    for (NetworkLink link : links) {
      if (link.index() == route.linkIndex()) {
        device = link.name();
      }
    }
    return Route.builder()
        .dest(route.isDefault() ? "" : route.destination().toString())
        .gateway(route.gateway().map(IpAddress::toString).orElse(""))
        .device(device)
        .source(route.source().map(IpAddress::toString).orElse(""))
        .scope(route.scope())
        .family(route.destination().address().isV6() ? IPFamily.V6 : IPFamily.V4)
        .flags(route.onLink() ? ON_LINK : 0)
        .mtu(route.mtu())
        .metric(route.metric())
        .build();
  }
}
