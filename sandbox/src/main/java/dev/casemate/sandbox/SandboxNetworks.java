package dev.casemate.sandbox;

import dev.casemate.network.NetworkConfig;
import dev.casemate.network.Networks;
import java.util.Optional;
import java.util.function.Consumer;

/** The networks that sandboxes can have. */
final class SandboxNetworks {
  private SandboxNetworks() {}

  /**
   * Makes a sandbox's network; empty if it is to have none.
   *
   * @param warnings receives what goes wrong with it later
   */
  static Optional<GuestNetwork> attach(
      SandboxPaths paths, String id, Optional<NetworkConfig> network, Consumer<String> warnings) {
    if (network.isEmpty()) {
      return Optional.empty();
    }
    Networks networks = new Networks(paths.run());
    return Optional.of(new GuestNetwork(networks, networks.attach(id, network.get()), warnings));
  }

  /** Whether another program may add interfaces to its namespace or remove them. */
  static boolean isForeign(Optional<NetworkConfig> network) {
    return network.isPresent() && !(network.get() instanceof NetworkConfig.Bridge);
  }

  /** Gives back what {@link #attach} took, if it took anything. */
  static void release(SandboxPaths paths, String id) {
    new Networks(paths.run()).release(id);
  }
}
