package dev.casemate.sandbox;

import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.linux.IpAddress;
import dev.casemate.netlink.IpNetwork;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NetworkNeighbour;
import dev.casemate.netlink.NetworkRoute;
import dev.casemate.network.Endpoint;
import dev.casemate.protocol.agent.ARPNeighbors;
import dev.casemate.protocol.agent.AddARPNeighborsRequest;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.Routes;
import dev.casemate.protocol.agent.UpdateInterfaceRequest;
import dev.casemate.protocol.agent.UpdateRoutesRequest;
import dev.casemate.protocol.types.ARPNeighbor;
import dev.casemate.protocol.types.IPAddress;
import dev.casemate.protocol.types.IPFamily;
import dev.casemate.protocol.types.Interface;
import dev.casemate.protocol.types.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The description of the guest's interfaces for the agent. */
final class GuestInterfaces {
  /** RTNH_F_ONLINK of rtnetlink(7). */
  private static final int ON_LINK = 4;

  private GuestInterfaces() {}

  /**
   * Names an interface, gives it its addresses and fixed neighbours; waits for one that is just
   * being plugged in.
   *
   * @param place where its card sits; empty if that is not known
   */
  static void configure(AgentClient agent, Endpoint endpoint, Optional<GuestAddress> place) {
    agent.call(AgentService.UPDATE_INTERFACE, interfaceRequest(endpoint, place));
    if (!endpoint.neighbours().isEmpty()) {
      agent.call(AgentService.ADD_ARP_NEIGHBORS, neighboursRequest(endpoint));
    }
  }

  /** Takes an interface's addresses away, whose card cannot be taken away. */
  static void clear(AgentClient agent, Endpoint endpoint, Optional<GuestAddress> place) {
    agent.call(
        AgentService.UPDATE_INTERFACE,
        UpdateInterfaceRequest.builder()
            .interface_(
                Interface.builder()
                    .hwAddr(endpoint.mac().toString())
                    .devicePath(path(place))
                    .build())
            .build());
  }

  private static UpdateInterfaceRequest interfaceRequest(
      Endpoint endpoint, Optional<GuestAddress> place) {
    List<IPAddress> addresses = new ArrayList<>();
    for (IpNetwork address : endpoint.addresses()) {
      addresses.add(
          IPAddress.builder()
              .family(family(address.address().isV6()))
              .address(address.address().toString())
              .mask(Integer.toString(address.prefix()))
              .build());
    }
    return UpdateInterfaceRequest.builder()
        .interface_(
            Interface.builder()
                .device(endpoint.interfaceName())
                .name(endpoint.interfaceName())
                .hwAddr(endpoint.mac().toString())
                .mtu(endpoint.mtu())
                .rawFlags(endpoint.noArp() ? NetworkLink.NO_ARP : 0)
                .devicePath(path(place))
                .ipAddresses(addresses)
                .build())
        .build();
  }

  private static AddARPNeighborsRequest neighboursRequest(Endpoint endpoint) {
    List<ARPNeighbor> neighbours = new ArrayList<>();
    for (NetworkNeighbour neighbour : endpoint.neighbours()) {
      neighbours.add(
          ARPNeighbor.builder()
              .toIpAddress(
                  IPAddress.builder()
                      .family(family(neighbour.address().isV6()))
                      .address(neighbour.address().toString())
                      .build())
              .device(endpoint.interfaceName())
              .lladdr(neighbour.mac().map(Object::toString).orElse(""))
              .state(NetworkNeighbour.PERMANENT)
              .build());
    }
    return AddARPNeighborsRequest.builder()
        .neighbors(ARPNeighbors.builder().arpNeighbors(neighbours).build())
        .build();
  }

  /** Replaces the guest's routes by those of all interfaces. */
  static void route(AgentClient agent, List<Endpoint> endpoints) {
    List<Route> routes = new ArrayList<>();
    for (Endpoint endpoint : endpoints) {
      for (NetworkRoute route : endpoint.routes()) {
        routes.add(
            Route.builder()
                .dest(route.isDefault() ? "" : route.destination().toString())
                .gateway(route.gateway().map(IpAddress::toString).orElse(""))
                .device(endpoint.interfaceName())
                .source(route.source().map(IpAddress::toString).orElse(""))
                .scope(route.scope())
                .family(family(route.destination().address().isV6()))
                .flags(route.onLink() ? ON_LINK : 0)
                .mtu(route.mtu())
                .metric(route.metric())
                .build());
      }
    }
    agent.call(
        AgentService.UPDATE_ROUTES,
        UpdateRoutesRequest.builder().routes(Routes.builder().routes(routes).build()).build());
  }

  /** As the agent wants it; where there is no bus it goes by the MAC address. */
  private static String path(Optional<GuestAddress> place) {
    return place.map(GuestAddress::text).orElse("");
  }

  private static int family(boolean v6) {
    return v6 ? IPFamily.V6 : IPFamily.V4;
  }
}
