package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.UnixSocket;

/** Devices that are there at boot, and the ports for those that come later. */
final class DeviceArguments {
  private static final String VHOST_NET = "/dev/vhost-net";
  private static final String VHOST_VSOCK = "/dev/vhost-vsock";

  private DeviceArguments() {}

  private static Fd openDevice(String path) {
    return Fs.open(path, OpenFlag.READ_WRITE);
  }

  static void add(
      CommandLine line, VmConfig config, Accelerator accelerator, CommandLine.Sockets sockets) {
    for (int i = 0; i < config.devices().size(); i++) {
      String place = ",bus=pcie.0,addr=0x" + Integer.toHexString(Layout.deviceSlot(i));
      device(line, config.vmId(), i + 1, config.devices().get(i), place, accelerator, sockets);
    }
    for (int port = 0; port < config.hotplugPorts(); port++) {
      int function = Layout.portFunction(port);
      boolean shared = config.hotplugPorts() > Layout.PORT_SLOTS;
      line.add(
          "-device",
          "pcie-root-port,id=port"
              + port
              + ",bus=pcie.0,addr=0x"
              + Integer.toHexString(Layout.portSlot(port))
              + (function == 0 ? "" : ".0x" + function)
              + (shared ? ",multifunction=on" : "")
              + ",chassis="
              + (port + 1)
              + ",slot="
              + (port + 1));
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
    String id = ",id=" + device.id();
    switch (device) {
      case Device.Disk disk -> {
        DiskFiles.add(line, disk, line.own(DiskFiles.open(vmId, disk)), number);
        line.add(
            "-device",
            "virtio-blk-pci,disable-legacy=on,drive="
                + Backends.name(disk.id())
                + (disk.serial().isEmpty() ? "" : ",serial=" + disk.serial())
                + id
                + place);
      }
      case Device.Nic nic -> {
        String tap =
            switch (nic.tap()) {
              case Device.NamedTap named -> ",ifname=" + named.name() + ",script=no,downscript=no";
              case Device.OpenTap open -> ",fd=" + line.descriptor(open.fd());
            };
        String vhost = "";
        if (accelerator.kind() == Accelerator.Kind.KVM && Fs.exists(VHOST_NET)) {
          vhost = ",vhost=on,vhostfd=" + line.descriptor(line.own(openDevice(VHOST_NET)));
        }
        line.add("-netdev", "tap,id=" + Backends.name(nic.id()) + tap + vhost);
        line.add(
            "-device",
            "virtio-net-pci,disable-legacy=on,romfile=,netdev="
                + Backends.name(nic.id())
                + ",mac="
                + nic.mac()
                + (nic.mtu() == 0 ? "" : ",host_mtu=" + nic.mtu())
                + id
                + place);
      }
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
                + id
                + place);
      }
      case Device.SerialChannel serial -> {
        Fd listener = sockets.agent().orElseThrow();
        line.add(
            "-chardev",
            "socket,id="
                + Backends.name(serial.id())
                + ",server=on,wait=off,fd="
                + line.descriptor(listener));
        line.add("-device", "virtio-serial-pci,disable-legacy=on,max_ports=2" + id + place);
        line.add(
            "-device",
            "virtserialport,bus="
                + serial.id()
                + ".0,nr=1,chardev="
                + Backends.name(serial.id())
                + ",name="
                + serial.portName());
      }
      case Device.VsockChannel vsock ->
          line.add(
              "-device",
              "vhost-vsock-pci,disable-legacy=on,guest-cid="
                  + vsock.cid()
                  + ",vhostfd="
                  + line.descriptor(line.own(openDevice(VHOST_VSOCK)))
                  + id
                  + place);
      case Device.Rng rng -> line.add("-device", "virtio-rng-pci,disable-legacy=on" + id + place);
      case Device.Balloon balloon ->
          line.add(
              "-device",
              "virtio-balloon-pci,disable-legacy=on,deflate-on-oom=on,free-page-reporting=on"
                  + id
                  + place);
    }
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
