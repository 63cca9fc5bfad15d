package dev.casemate.sandbox;

import dev.casemate.hypervisor.Device;
import dev.casemate.linux.IpNetwork;
import dev.casemate.linux.NetworkRoute;
import dev.casemate.linux.Text;
import dev.casemate.network.DnsConfig;
import dev.casemate.network.Endpoint;
import dev.casemate.network.NetworkConfig;
import dev.casemate.network.Networks;
import dev.casemate.network.PortMapping;
import dev.casemate.network.SandboxNetwork;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.Routes;
import dev.casemate.protocol.agent.UpdateInterfaceRequest;
import dev.casemate.protocol.agent.UpdateRoutesRequest;
import dev.casemate.protocol.types.IPAddress;
import dev.casemate.protocol.types.IPFamily;
import dev.casemate.protocol.types.Interface;
import dev.casemate.protocol.types.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Joins the host's side of a network to the VM and to the guest's interfaces. */
final class SandboxNetworks {
  private SandboxNetworks() {}

  /** A sandbox's network: devices for the VM, and what the guest is told. */
  record Attachment(SandboxNetwork network) {
    String namespace() {
      return network.netnsPath();
    }

    List<Device> nics() {
      List<Device> nics = new ArrayList<>();
      for (Endpoint endpoint : network.endpoints()) {
        nics.add(nic(endpoint));
      }
      return nics;
    }

    /** The first address, or empty. */
    String address() {
      for (Endpoint endpoint : network.endpoints()) {
        for (IpNetwork address : endpoint.addresses()) {
          return address.address().toString();
        }
      }
      return "";
    }

    List<String> resolverLines() {
      return Text.split(network.dns().resolvConf(), '\n');
    }

    /** Names the interfaces, gives them their addresses and sets the routes. */
    void configureGuest(AgentClient agent) {
      if (network.endpoints().isEmpty()) {
        return;
      }
      for (Endpoint endpoint : network.endpoints()) {
        agent.call(AgentService.UPDATE_INTERFACE, interfaceRequest(endpoint));
      }
      agent.call(AgentService.UPDATE_ROUTES, routesRequest(network.endpoints()));
    }
  }

  static Device nic(Endpoint endpoint) {
    return new Device.Nic(
        endpoint.interfaceName(),
        new Device.NamedTap(endpoint.tapName()),
        endpoint.mac().toString(),
        endpoint.mtu());
  }

  private static UpdateInterfaceRequest interfaceRequest(Endpoint endpoint) {
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
                .ipAddresses(addresses)
                .build())
        .build();
  }

  private static UpdateRoutesRequest routesRequest(List<Endpoint> endpoints) {
    List<Route> routes = new ArrayList<>();
    for (Endpoint endpoint : endpoints) {
      for (NetworkRoute route : endpoint.routes()) {
        routes.add(
            Route.builder()
                .dest(route.destination().toString())
                .gateway(route.gateway().map(Object::toString).orElse(""))
                .device(endpoint.interfaceName())
                .family(family(route.destination().address().isV6()))
                .build());
      }
    }
    return UpdateRoutesRequest.builder().routes(Routes.builder().routes(routes).build()).build();
  }

  private static int family(boolean v6) {
    return v6 ? IPFamily.V6 : IPFamily.V4;
  }

  /** Makes a sandbox's network; empty if it is to have none. */
  static Optional<Attachment> attach(
      SandboxPaths paths, String id, Optional<NetworkConfig> network) {
    return network.map(config -> new Attachment(new Networks(paths.run()).attach(id, config)));
  }

  /** What {@code --network} with its companions stands for. */
  static Optional<NetworkConfig> parse(ContainerConfig config) {
    return switch (config.network()) {
      case "none" -> Optional.empty();
      case "bridge" -> {
        List<PortMapping> publish = new ArrayList<>();
        for (String port : config.publish()) {
          publish.addAll(PortMapping.parse(port));
        }
        DnsConfig dns = new DnsConfig(config.dns(), List.of(), List.of());
        yield Optional.of(
            new NetworkConfig.Bridge(publish, dns, Optional.empty(), Optional.empty()));
      }
      default ->
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "network \"" + config.network() + "\" is unknown; use --network none or bridge");
    };
  }

  /** Gives back what {@link #attach} took, if it took anything. */
  static void release(SandboxPaths paths, String id) {
    new Networks(paths.run()).release(id);
  }
}
