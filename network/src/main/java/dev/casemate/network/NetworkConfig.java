package dev.casemate.network;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.IpAddress;
import dev.casemate.netlink.MacAddress;
import java.util.List;
import java.util.Optional;

/** What network a sandbox is to have. */
public sealed interface NetworkConfig {
  /**
   * A namespace of its own with nothing in it. Somebody may put interfaces there later, as Docker
   * does: see {@link Networks#refresh}.
   */
  record None(NetworkModel model) implements NetworkConfig {}

  /**
   * A port of Casemate's own bridge, with NAT to the outside.
   *
   * @param address an IPv4 address of the bridge's subnet; empty: one is leased
   * @param mac empty: it follows from the address
   */
  record Bridge(
      List<PortMapping> publish,
      DnsConfig dns,
      Optional<IpAddress> address,
      Optional<MacAddress> mac)
      implements NetworkConfig {}

  /**
   * A namespace that an engine has created and configured (CNI, Docker): the sandbox takes over its
   * interfaces and restores them when it ends.
   *
   * @param path the namespace's file; not the host's own
   */
  record Namespace(String path, DnsConfig dns, NetworkModel model) implements NetworkConfig {}

  static NetworkConfig none() {
    return new None(NetworkModel.TCFILTER);
  }

  /** The bridge, nothing published, the host's DNS. */
  static NetworkConfig bridge() {
    return bridge(List.of());
  }

  static NetworkConfig bridge(List<PortMapping> publish) {
    return new Bridge(publish, DnsConfig.HOST, Optional.empty(), Optional.empty());
  }

  static NetworkConfig namespace(String path) {
    return new Namespace(path, DnsConfig.HOST, NetworkModel.TCFILTER);
  }

  /**
   * The network that a bundle's {@code config.json} requests in its {@code linux.namespaces}: the
   * namespace at a path, or, without a path, an empty one of its own.
   *
   * @throws CasemateException FAILED_PRECONDITION if it requests the host's network
   */
  static NetworkConfig ofSpec(Json.Obj spec, NetworkModel model) {
    Json.Obj linux = spec.object("linux").orElse(new Json.Obj());
    for (Json.Obj namespace : linux.objects("namespaces")) {
      if (namespace.string("type").equals("network")) {
        return ofNamespace(Optional.of(namespace.string("path")), model);
      }
    }
    return ofNamespace(Optional.empty(), model);
  }

  /**
   * As {@link #ofSpec}, for the network namespace that a specification names.
   *
   * @param namespace its path, empty text for a new one; absent if there is none
   */
  static NetworkConfig ofNamespace(Optional<String> namespace, NetworkModel model) {
    if (namespace.isPresent()) {
      if (namespace.get().isEmpty()) {
        return new None(model);
      }
      Takeover.requireForeign(namespace.get());
      return new Namespace(namespace.get(), DnsConfig.HOST, model);
    }
    throw Takeover.hostNetwork("config.json requests no network namespace");
  }
}
