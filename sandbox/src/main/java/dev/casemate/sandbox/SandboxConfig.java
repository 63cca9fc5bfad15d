package dev.casemate.sandbox;

import dev.casemate.network.NetworkConfig;
import java.util.Optional;

/**
 * The configuration of a sandbox: the VM that its containers will share.
 *
 * @param id names the VM and its directory below {@code /run/casemate/sandboxes}: letters, digits,
 *     '_', '.' and '-', at most 64 characters
 * @param network the network of the VM; empty if it never gets one
 * @param sharing whether later containers may share files of the host: the file-sharing device must
 *     exist from the start
 * @param hotplugPorts how many disks and network interfaces may be hot-plugged at a time
 * @param configured the size of a VM whose containers have no limits, see {@link VmSize#atStart}
 * @param most the maximum size that the VM may grow to; the size of {@code vm} if it never grows
 * @param jail how VMM and file-sharing daemon are confined
 */
public record SandboxConfig(
    String id,
    VmOptions vm,
    Optional<NetworkConfig> network,
    boolean sharing,
    int hotplugPorts,
    VmSize configured,
    VmSize most,
    JailOptions jail) {
  /** A sandbox whose VM never changes. */
  public SandboxConfig(String id, VmOptions vm, Optional<NetworkConfig> network, JailOptions jail) {
    this(id, vm, network, false, 0, VmSize.of(vm), VmSize.of(vm), jail);
  }
}
