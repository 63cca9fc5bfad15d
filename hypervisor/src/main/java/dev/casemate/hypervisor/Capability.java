package dev.casemate.hypervisor;

/**
 * What a VMM can do with its driver, beyond booting a VM with disks and an agent. A driver declares
 * it; it is checked before a sandbox is started.
 */
public enum Capability {
  /** {@link VirtualMachine#attach} accepts disks. */
  PLUG_DISKS("plug disks into a running VM"),
  /** {@link VirtualMachine#attach} accepts network cards. */
  PLUG_NETWORK_CARDS("plug network cards into a running VM"),
  /** A VM may have a {@link Device.FileShare}. */
  SHARE_FILES("share files with the host (virtio-fs)"),
  /** {@link VirtualMachine#resizeMemory} works. */
  GROW_MEMORY("give a running VM more memory"),
  /** {@link VirtualMachine#plugVcpus} works. */
  PLUG_VCPUS("give a running VM more vCPUs"),
  /** {@link VirtualMachine#save} and {@link Vmm#restore} work. */
  SNAPSHOTS("save and restore VMs"),
  /** {@link VirtualMachine#saveTemplate} and {@link Vmm#copy} work. */
  TEMPLATES("start VMs as copies of a template"),
  /** A VM may have a {@link Device.VsockChannel}. */
  VSOCK("have vsock (vhost-vsock)"),
  /** {@link VmConfig#jail} is obeyed. */
  JAIL("be confined to a jail");

  private final String phrase;

  Capability(String phrase) {
    this.phrase = phrase;
  }

  /** The capability as a verb phrase after "can": {@code plug disks into a running VM}. */
  public String phrase() {
    return phrase;
  }
}
