package dev.casemate.network;

import dev.casemate.linux.IpAddress;
import dev.casemate.linux.MacAddress;
import java.util.List;
import java.util.Optional;

/** What network a sandbox is to have. */
public sealed interface NetworkConfig {
  /** A namespace of its own with nothing in it. */
  record None() implements NetworkConfig {}

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
   * A namespace that somebody else has made and furnished (CNI, Docker): the sandbox takes over its
   * interfaces and leaves them when it goes.
   *
   * @param path the namespace's file
   */
  record Namespace(String path, DnsConfig dns) implements NetworkConfig {}

  static NetworkConfig none() {
    return new None();
  }

  /** The bridge, nothing published, the host's DNS. */
  static NetworkConfig bridge() {
    return bridge(List.of());
  }

  static NetworkConfig bridge(List<PortMapping> publish) {
    return new Bridge(publish, DnsConfig.HOST, Optional.empty(), Optional.empty());
  }

  static NetworkConfig namespace(String path) {
    return new Namespace(path, DnsConfig.HOST);
  }
}
