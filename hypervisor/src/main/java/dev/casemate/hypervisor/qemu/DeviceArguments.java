package dev.casemate.hypervisor.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.oci.Json;

/** Devices that are there at boot, and the ports for those that come later. */
final class DeviceArguments {
  private DeviceArguments() {}

  static void add(
      CommandLine line, VmConfig config, Accelerator accelerator, CommandLine.Sockets sockets) {
    for (int i = 0; i < config.devices().size(); i++) {
      String place = ",bus=pcie.0,addr=0x" + Integer.toHexString(Layout.deviceSlot(i));
      device(line, config.devices().get(i), place, accelerator, sockets);
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
      Device device,
      String place,
      Accelerator accelerator,
      CommandLine.Sockets sockets) {
    String id = ",id=" + device.id();
    switch (device) {
      case Device.Disk disk -> {
        line.add("-blockdev", Backends.disk(disk).text());
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
        boolean vhost = accelerator.kind() == Accelerator.Kind.KVM && Fs.exists("/dev/vhost-net");
        line.add("-netdev", "tap,id=" + Backends.name(nic.id()) + tap + (vhost ? ",vhost=on" : ""));
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
                + ",path="
                + CommandLine.escape(share.socketPath()));
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
              "-device", "vhost-vsock-pci,disable-legacy=on,guest-cid=" + vsock.cid() + id + place);
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

    /** Options of a raw image or block device. */
    static Json.Obj disk(Device.Disk disk) {
      boolean blockDevice = Fs.stat(disk.path()).type() == dev.casemate.linux.Stat.BLOCK;
      return new Json.Obj()
          .put("driver", "raw")
          .put("node-name", name(disk.id()))
          .put("read-only", disk.readOnly())
          .put(
              "file",
              new Json.Obj()
                  .put("driver", blockDevice ? "host_device" : "file")
                  .put("filename", disk.path())
                  .put("read-only", disk.readOnly()));
    }
  }
}
