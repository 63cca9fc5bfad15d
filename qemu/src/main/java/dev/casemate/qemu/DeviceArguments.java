package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.UnixSocket;

/** Devices that are there at boot. */
final class DeviceArguments {
  private static final String VHOST_NET = "/dev/vhost-net";

  private DeviceArguments() {}

  /**
   * Adds them.
   *
   * @param sharesLater whether file shares are left out: a QEMU that takes in a state refuses them
   */
  static void add(
      CommandLine line,
      VmConfig config,
      Accelerator accelerator,
      CommandLine.Sockets sockets,
      boolean sharesLater) {
    for (int i = 0; i < config.devices().size(); i++) {
      Device device = config.devices().get(i);
      if (sharesLater && device instanceof Device.FileShare) {
        continue;
      }
      String place = PciLayout.place(config, PciLayout.deviceSlot(i));
      device(line, config.vmId(), i + 1, device, place, accelerator, sockets);
    }
  }

  private static void device(
      CommandLine line,
      String vmId,
      int number,
      Device device,
      String place,
      Accelerator accelerator,
      CommandLine.Sockets sockets) {
    String where = ",id=" + device.id() + place;
    switch (device) {
      case Device.Disk disk -> {
        DiskFiles.add(line, disk, line.own(DiskFiles.open(vmId, disk)), number);
        line.add(
            "-device",
            "virtio-blk-pci,disable-legacy=on,drive="
                + Backends.name(disk.id())
                + (disk.serial().isEmpty() ? "" : ",serial=" + disk.serial())
                + where);
      }
      case Device.Nic nic -> card(line, nic, where, accelerator);
      case Device.FileShare share -> {
        line.add(
            "-chardev",
            "socket,id="
                + Backends.name(share.id())
                + ",fd="
                + line.descriptor(line.own(UnixSocket.connect(share.socketPath()))));
        line.add(
            "-device",
            "vhost-user-fs-pci,chardev="
                + Backends.name(share.id())
                + ",tag="
                + share.tag()
                + where);
      }
      case Device.SerialChannel serial -> channel(line, serial, where, sockets);
      case Device.VsockChannel vsock ->
          line.add(
              "-device",
              "vhost-vsock-pci,disable-legacy=on,guest-cid="
                  + vsock.cid()
                  + ",vhostfd="
                  + line.descriptor(vsock.vhost())
                  + where);
    }
  }

  private static void card(
      CommandLine line, Device.Nic nic, String where, Accelerator accelerator) {
    String tap = ",fd=" + line.descriptor(nic.tap());
    String vhost = "";
    if (accelerator.kind() == Accelerator.Kind.KVM && Fs.exists(VHOST_NET)) {
      Fd device = line.own(Fs.open(VHOST_NET, OpenFlag.READ_WRITE));
      vhost = ",vhost=on,vhostfd=" + line.descriptor(device);
    }
    line.add("-netdev", "tap,id=" + Backends.name(nic.id()) + tap + vhost);
    line.add(
        "-device",
        "virtio-net-pci,disable-legacy=on,romfile=,netdev="
            + Backends.name(nic.id())
            + ",mac="
            + nic.mac()
            + (nic.mtu() == 0 ? "" : ",host_mtu=" + nic.mtu())
            + where);
  }

  private static void channel(
      CommandLine line, Device.SerialChannel serial, String where, CommandLine.Sockets sockets) {
    Fd listener = sockets.agent().orElseThrow();
    line.add(
        "-chardev",
        "socket,id="
            + Backends.name(serial.id())
            + ",server=on,wait=off,fd="
            + line.descriptor(listener));
    line.add("-device", "virtio-serial-pci,disable-legacy=on,max_ports=2" + where);
    line.add(
        "-device",
        "virtserialport,bus="
            + serial.id()
            + ".0,nr=1,chardev="
            + Backends.name(serial.id())
            + ",name="
            + serial.portName());
  }

  /** The host's half of a device, for the command line and for {@code …-add} commands alike. */
  static final class Backends {
    private Backends() {}

    /** Name of a device's host half: block node, netdev or chardev. */
    static String name(String deviceId) {
      return "host-" + deviceId;
    }
  }
}
