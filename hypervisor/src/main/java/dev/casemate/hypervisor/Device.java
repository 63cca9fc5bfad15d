package dev.casemate.hypervisor;

import dev.casemate.linux.Fd;

/**
 * A device of a virtual machine, independent of the VMM. Ids are the caller's, unique in the VM: 1
 * to 40 characters of {@code [A-Za-z0-9_-]}, starting with a letter.
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
   * @param tap an open descriptor of a TAP device; the caller keeps and closes it
   * @param mac {@code 02:00:00:00:00:01}
   * @param mtu bytes, announced to the guest; 0 announces none
   */
  record Nic(String id, Fd tap, String mac, int mtu) implements Device {}

  /**
   * A directory over virtio-fs.
   *
   * @param tag what the guest mounts: 1 to 36 characters of {@code [A-Za-z0-9_.-]}
   * @param socketPath where the vhost-user daemon (see {@link Virtiofsd}) listens
   */
  record FileShare(String id, String tag, String socketPath) implements Device {}

  /** The channel between host and agent; a VM has at most one. */
  sealed interface Channel extends Device {}

  /**
   * A channel through the VMM.
   *
   * @param portName of the virtio-serial port, as the guest sees it: {@code dev.casemate.agent}
   */
  record SerialChannel(String id, String portName) implements Channel {}

  /**
   * A channel through the host's kernel.
   *
   * @param vhost the open device of {@link VhostVsock#claim}; the caller keeps and closes it
   * @param cid the VM's address, see {@link VhostVsock#cid}
   * @param port that the agent listens on
   */
  record VsockChannel(String id, Fd vhost, long cid, int port) implements Channel {}
}
