package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.linux.UnixSocket;
import dev.casemate.qemu.DeviceArguments.Backends;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Devices that come and go while the guest runs: a host half, then a device in a free slot. */
final class HotPlug {
  private static final int NO_PORT = -1;

  private final String vmId;
  private final Qmp qmp;
  private final PciLayout layout;
  private final Set<String> leaving = new HashSet<>();

  HotPlug(String vmId, Qmp qmp, PciLayout layout) {
    this.vmId = vmId;
    this.qmp = qmp;
    this.layout = layout;
  }

  GuestAddress attach(Device device) {
    Placement placement = layout.reserve(vmId, device);
    boolean backend = false;
    try {
      Json.Obj frontend = addBackend(device, placement.port());
      backend = true;
      qmp.execute("device_add", placed(frontend, device.id(), placement.port()));
      return placement.address();
    } catch (CasemateException e) {
      if (backend) {
        removeBackendQuietly(placement);
      }
      layout.free(device.id());
      throw e;
    }
  }

  /**
   * Adds a device that belongs to a VM's start, in the slot that is its own, before the guest runs.
   */
  void attachAtStart(Device device, int slot) {
    qmp.execute("device_add", inSlot(addBackend(device, NO_PORT), device.id(), slot));
  }

  /** Adds the host's half; returns the arguments of the guest's half so far. */
  private Json.Obj addBackend(Device device, int port) {
    String host = Backends.name(device.id());
    return switch (device) {
      case Device.Disk disk -> {
        addDisk(disk, port);
        yield diskFrontend(disk);
      }
      case Device.Nic nic -> {
        give(host, nic.tap());
        qmp.execute(
            "netdev_add", new Json.Obj().put("type", "tap").put("id", host).put("fd", host));
        Json.Obj frontend =
            new Json.Obj()
                .put("driver", "virtio-net-pci")
                .put("netdev", host)
                .put("mac", nic.mac())
                .put("romfile", "");
        if (nic.mtu() != 0) {
          frontend.put("host_mtu", nic.mtu());
        }
        yield frontend;
      }
      case Device.FileShare share -> {
        try (Fd connection = UnixSocket.connect(share.socketPath())) {
          give(host, connection);
        }
        Json.Obj address =
            new Json.Obj().put("type", "fd").put("data", new Json.Obj().put("str", host));
        Json.Obj socket = new Json.Obj().put("addr", address).put("server", false);
        qmp.execute(
            "chardev-add",
            new Json.Obj()
                .put("id", host)
                .put("backend", new Json.Obj().put("type", "socket").put("data", socket)));
        yield new Json.Obj()
            .put("driver", "vhost-user-fs-pci")
            .put("chardev", host)
            .put("tag", share.tag());
      }
      case Device.Channel _ -> throw notPluggable(device);
    };
  }

  /** Gives QEMU a descriptor under a name. */
  private void give(String name, Fd fd) {
    qmp.execute(
        "getfd", new Json.Obj().put("fdname", name), Optional.<Fd>of(fd), Qmp.TIMEOUT_MILLIS);
  }

  private void addDisk(Device.Disk disk, int port) {
    try (Fd file = DiskFiles.open(vmId, disk)) {
      Stat stat = Fs.stat(file);
      if (stat.isRegular() && stat.size() > QemuJail.HOT_PLUGGED_BYTES) {
        throw CasemateException.of(
            CasemateException.Kind.FAILED_PRECONDITION,
            "VM "
                + vmId
                + ": image file \""
                + disk.path()
                + "\" has "
                + (stat.size() >> 30)
                + " GiB; a hot-plugged file may have at most "
                + (QemuJail.HOT_PLUGGED_BYTES >> 30)
                + ": use a block device");
      }
      qmp.execute(
          "add-fd",
          new Json.Obj().put("fdset-id", DiskFiles.set(port)),
          Optional.<Fd>of(file),
          Qmp.TIMEOUT_MILLIS);
      try {
        qmp.execute("blockdev-add", DiskFiles.backend(disk, file, DiskFiles.set(port)));
      } catch (CasemateException e) {
        removeFile(port);
        throw e;
      }
    }
  }

  /** QEMU keeps a set while a disk has it open; without this for ever. */
  private void removeFile(int port) {
    qmp.execute("remove-fd", new Json.Obj().put("fdset-id", DiskFiles.set(port)));
  }

  /** The guest's half of a disk that is plugged in. */
  static Json.Obj diskFrontend(Device.Disk disk) {
    Json.Obj frontend =
        new Json.Obj().put("driver", "virtio-blk-pci").put("drive", Backends.name(disk.id()));
    if (disk.readOnly()) {
      // Another disk of this VM or of another may write to the same: that is its own affair.
      frontend.put("share-rw", true);
    }
    if (!disk.serial().isEmpty()) {
      frontend.put("serial", disk.serial());
    }
    return frontend;
  }

  /** In which port, and under which name. */
  static Json.Obj placed(Json.Obj frontend, String deviceId, int port) {
    return inSlot(frontend, deviceId, PciLayout.portSlot(port));
  }

  private static Json.Obj inSlot(Json.Obj frontend, String deviceId, int slot) {
    return frontend
        .put("id", deviceId)
        .put("bus", PciLayout.HOT_BUS)
        .put("addr", Integer.toHexString(slot));
  }

  private CasemateException notPluggable(Device device) {
    return CasemateException.of(
        CasemateException.Kind.INVALID_ARGUMENT,
        "VM "
            + vmId
            + ": device \""
            + device.id()
            + "\" cannot be attached to a running VM: only disks, NICs and file shares can");
  }

  void detach(String deviceId, int timeoutMillis) {
    Placement placement = layout.find(vmId, deviceId);
    if (!placement.isPlugged()) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "VM "
              + vmId
              + ": device \""
              + deviceId
              + "\" was present when the VM started and cannot be detached");
    }
    delete(deviceId, timeoutMillis);
    removeBackend(placement);
    layout.free(deviceId);
  }

  /** Takes the guest's half away and waits until the guest has let go of it. */
  void delete(String deviceId, int timeoutMillis) {
    synchronized (this) {
      leaving.add(deviceId);
    }
    try {
      qmp.execute("device_del", new Json.Obj().put("id", deviceId));
      awaitDeleted(deviceId, timeoutMillis);
    } finally {
      synchronized (this) {
        leaving.remove(deviceId);
      }
    }
  }

  /** Takes the host's half of a network card away: for the guest its cable is pulled. */
  void disconnect(String deviceId) {
    Placement placement = layout.find(vmId, deviceId);
    if (placement.kind() != Placement.Kind.NIC) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "VM " + vmId + ": device \"" + deviceId + "\" is not a network card");
    }
    removeBackend(placement);
  }

  /** The guest has let go; called on the VM's thread. */
  synchronized void deleted(String deviceId) {
    leaving.remove(deviceId);
    notifyAll();
  }

  private synchronized void awaitDeleted(String deviceId, int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (leaving.contains(deviceId)) {
      long left = (deadline - System.nanoTime() + 999_999) / 1_000_000;
      if (left <= 0) {
        throw CasemateException.of(
            CasemateException.Kind.TIMEOUT,
            "VM "
                + vmId
                + ": the guest did not release device \""
                + deviceId
                + "\" within "
                + timeoutMillis
                + " ms; unmount it in the guest and try again");
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw CasemateException.of(
            CasemateException.Kind.UNAVAILABLE,
            "VM " + vmId + ": detaching \"" + deviceId + "\" was interrupted",
            e);
      }
    }
  }

  private void removeBackend(Placement placement) {
    String host = Backends.name(placement.deviceId());
    switch (placement.kind()) {
      case DISK -> {
        qmp.execute("blockdev-del", new Json.Obj().put("node-name", host));
        if (placement.isPlugged()) {
          removeFile(placement.port());
        }
      }
      case NIC -> qmp.execute("netdev_del", new Json.Obj().put("id", host));
      case SHARE -> qmp.execute("chardev-remove", new Json.Obj().put("id", host));
      case CHANNEL -> {
        // It is never attached.
      }
    }
  }

  private void removeBackendQuietly(Placement placement) {
    try {
      removeBackend(placement);
    } catch (CasemateException e) {
      // The error that brought us here says more.
    }
  }
}
