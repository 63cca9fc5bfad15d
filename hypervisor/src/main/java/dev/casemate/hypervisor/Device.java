package dev.casemate.hypervisor;

import dev.casemate.linux.Fd;

/**
 * A device of a virtual machine, without a word on how a VMM spells it. Ids are the caller's,
 * unique in the VM: 1 to 40 characters of {@code [A-Za-z0-9_-]}, starting with a letter.
 */
public sealed interface Device {
  String id();

  /**
   * A virtio block device whose content is a raw image or a block device of the host.
   *
   * @param path absolute path on the host
   * @param serial up to 20 characters of {@code [A-Za-z0-9._-]} that the guest can read; may be
   *     empty
   */
  record Disk(String id, String path, boolean readOnly, String serial) implements Device {
    public Disk(String id, String path, boolean readOnly) {
      this(id, path, readOnly, "");
    }
  }

  /**
   * A virtio network card.
   *
   * @param mac {@code 02:00:00:00:00:01}
   * @param mtu bytes, told to the guest; 0 tells nothing
   */
  record Nic(String id, Tap tap, String mac, int mtu) implements Device {}

  /** The host's end of a network card. */
  sealed interface Tap {}

  /** A TAP device by name, in the network namespace that the VMM runs in. */
  record NamedTap(String name) implements Tap {}

  /** An open descriptor of a TAP device; the caller keeps and closes it. */
  record OpenTap(Fd fd) implements Tap {}

  /**
   * A directory over virtio-fs.
   *
   * @param tag what the guest mounts: 1 to 36 characters of {@code [A-Za-z0-9_.-]}
   * @param socketPath where the vhost-user daemon (see {@link Virtiofsd}) listens
   */
  record FileShare(String id, String tag, String socketPath) implements Device {}

  /** How the host talks to the agent; a VM has at most one. */
  sealed interface AgentChannel extends Device {}

  /** A virtio-serial port, by the name that the guest sees: {@code dev.casemate.agent}. */
  record SerialChannel(String id, String portName) implements AgentChannel {}

  /**
   * A vsock of the host's kernel ({@code /dev/vhost-vsock}).
   *
   * @param cid context id of the guest, 3 or more, unique on the host
   * @param port the agent's port
   */
  record VsockChannel(String id, long cid, int port) implements AgentChannel {}

  /** Random bytes from the host. */
  record Rng(String id) implements Device {}

  /** Memory that the host may ask back; see {@link VirtualMachine#balloon}. */
  record Balloon(String id) implements Device {}
}
