package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Capability;
import dev.casemate.hypervisor.Vmm;

/**
 * Holds what a sandbox is to be against what its VMM can do, before anything of it exists. What the
 * VMM cannot do is refused by name, never left out.
 */
final class SandboxDemands {
  private SandboxDemands() {}

  /**
   * Checks a sandbox's configuration.
   *
   * @throws CasemateException FAILED_PRECONDITION if the VMM lacks a capability
   */
  static void check(Vmm vmm, SandboxConfig config) {
    if (config.sharing()) {
      require(vmm, Capability.SHARE_FILES, "file sharing", "set file_sharing = \"none\"");
    }
    if (config.hotplugPorts() > 0) {
      String ports = config.hotplugPorts() + " hot-plug ports";
      require(vmm, Capability.PLUG_DISKS, ports, "use another VMM");
      if (config.network().isPresent()) {
        require(vmm, Capability.PLUG_NETWORK_CARDS, ports, "use another VMM");
      }
    }
    VmSize size = VmSize.of(config.vm());
    VmSize most = size.growingTo(config.most());
    if (most.memoryMib() > size.memoryMib()) {
      require(
          vmm,
          Capability.GROW_MEMORY,
          "memory of up to " + most.memoryMib() + " MiB",
          "set max_memory_mib to the VM's " + size.memoryMib() + " MiB");
    }
    if (most.vcpus() > size.vcpus()) {
      require(
          vmm,
          Capability.PLUG_VCPUS,
          "up to " + most.vcpus() + " vCPUs",
          "set max_vcpus to the VM's " + size.vcpus());
    }
    if (config.vm().agentChannel() == AgentChannel.VSOCK) {
      require(vmm, Capability.VSOCK, "agent channel \"vsock\"", "use agent channel \"serial\"");
    }
    if (config.jail().enabled()) {
      require(vmm, Capability.JAIL, "the jail", "set enabled = false in [jail]");
    }
  }

  /**
   * Checks what is known at the start only.
   *
   * @param shares whether the host's files are to be shared from the start
   * @param restores whether the VM goes on from a checkpoint
   */
  static void checkStart(Vmm vmm, SandboxConfig config, boolean shares, boolean restores) {
    check(vmm, config);
    if (shares) {
      require(vmm, Capability.SHARE_FILES, "a volume of the host", "remove the volumes");
    }
    if (restores) {
      require(
          vmm,
          Capability.SNAPSHOTS,
          "restoring from a checkpoint",
          "start it without the checkpoint");
    }
  }

  /**
   * Checks one demand.
   *
   * @param what is asked for: {@code 4 hot-plug ports}
   * @param remedy what to do instead
   */
  static void require(Vmm vmm, Capability capability, String what, String remedy) {
    if (!vmm.capabilities().contains(capability)) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          what
              + " was requested, but hypervisor \""
              + vmm.name()
              + "\" cannot "
              + capability.phrase()
              + ": "
              + remedy
              + ", or use a hypervisor that can");
    }
  }
}
