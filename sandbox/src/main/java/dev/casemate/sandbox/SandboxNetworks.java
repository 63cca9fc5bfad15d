package dev.casemate.sandbox;

import dev.casemate.network.DnsConfig;
import dev.casemate.network.NetworkConfig;
import dev.casemate.network.Networks;
import dev.casemate.network.PortMapping;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The networks that sandboxes can have. */
final class SandboxNetworks {
  private SandboxNetworks() {}

  /**
   * Makes a sandbox's network; empty if it is to have none.
   *
   * @param warnings is told what goes wrong with it later
   */
  static Optional<GuestNetwork> attach(
      SandboxPaths paths, String id, Optional<NetworkConfig> network, Consumer<String> warnings) {
    if (network.isEmpty()) {
      return Optional.empty();
    }
    Networks networks = new Networks(paths.run());
    return Optional.of(new GuestNetwork(networks, networks.attach(id, network.get()), warnings));
  }

  /** Whether somebody else may put interfaces into its namespace, or take them out. */
  static boolean isForeign(Optional<NetworkConfig> network) {
    return network.isPresent() && !(network.get() instanceof NetworkConfig.Bridge);
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
