package dev.casemate.network;

import java.util.List;

/**
 * The network that a sandbox has.
 *
 * @param netnsPath the VMM is to be started in this namespace
 * @param endpoints the guest's interfaces besides lo, in order
 * @param published with the host ports that were chosen
 */
public record SandboxNetwork(
    String sandboxId,
    String netnsPath,
    List<Endpoint> endpoints,
    Dns dns,
    List<PortMapping> published) {

  SandboxNetwork withEndpoints(List<Endpoint> others) {
    return new SandboxNetwork(sandboxId, netnsPath, List.copyOf(others), dns, published);
  }
}
