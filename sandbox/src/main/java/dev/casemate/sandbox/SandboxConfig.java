package dev.casemate.sandbox;

import dev.casemate.network.NetworkConfig;
import java.util.Optional;

/**
 * What a sandbox is before anything of it exists: the VM that its containers will share.
 *
 * @param id names the VM and its directory below {@code /run/casemate/sandboxes}: letters, digits,
 *     '_', '.' and '-', at most 64 characters
 * @param network what the VM is connected to; empty: to nothing, ever
 * @param sharing whether containers may come later that want files of the host: the file-sharing
 *     device must be there from the start
 * @param hotplugPorts how many disks and network interfaces may come later at one time
 * @param configured the size of a VM of which nothing is known, see {@link VmSize#atStart}
 * @param most what the VM may grow to with what its containers want; the size of {@code vm} for one
 *     that never does
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
