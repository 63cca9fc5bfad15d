package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.network.DnsConfig;
import dev.casemate.network.NetworkConfig;
import dev.casemate.network.PortMapping;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The networks that {@code casemate run} can ask for. */
final class ContainerNetworks {
  private ContainerNetworks() {}

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
}
