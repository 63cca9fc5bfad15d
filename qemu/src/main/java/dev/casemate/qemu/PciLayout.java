package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress.PciPath;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmSnapshot;
import java.util.ArrayList;
import java.util.List;

/**
 * Which device sits in which PCI slot. There is one bus. Slots 0, 1 and 31 may be the chipset's;
 * devices of the start take slots 2 to 15 in the order of the configuration; slot 16 tells of free
 * memory, slot 17 is memory that grows; what is plugged in later sits in slots 18 to 31.
 *
 * <p>On the bus of i440FX, the older chipset, any slot takes a device while the guest runs. On that
 * of q35 none does: there each takes a port with a bus of its own from the start, used or not,
 * which costs 750 exits under KVM. Where nothing is plugged in, q35 is the chipset with fewer
 * parts.
 */
final class PciLayout {
  /** The bus that devices are plugged into. */
  static final String HOT_BUS = "pci.0";

  private static final int FIRST_DEVICE = 2;

  /** Slot of the device that tells of free memory. */
  static final int REPORTING = FIRST_DEVICE + VmConfig.MAX_DEVICES;

  /** Slot of memory that grows. */
  static final int GROWTH = REPORTING + 1;

  private static final int FIRST_PORT = GROWTH + 1;

  private final List<Placement> placements;
  private final int ports;

  private PciLayout(List<Placement> placements, int ports) {
    this.placements = new ArrayList<>(placements);
    this.ports = ports;
  }

  static PciLayout of(VmConfig config) {
    List<Placement> placements = new ArrayList<>();
    for (Device device : config.devices()) {
      PciPath path = PciPath.root(FIRST_DEVICE + placements.size());
      placements.add(new Placement(device.id(), Placement.Kind.of(device), path, -1));
    }
    return new PciLayout(placements, config.hotplugPorts());
  }

  /** Of a VM that also has disks in its ports from the start. */
  static PciLayout withDisks(VmConfig config, List<VmSnapshot.PluggedDisk> disks) {
    PciLayout layout = of(config);
    for (VmSnapshot.PluggedDisk disk : disks) {
      layout.placements.add(plugged(disk.deviceId(), Placement.Kind.DISK, disk.port()));
    }
    return layout;
  }

  /** Slot of what is plugged in, which is called a port. */
  static int portSlot(int port) {
    return FIRST_PORT + port;
  }

  private static Placement plugged(String deviceId, Placement.Kind kind, int port) {
    return new Placement(deviceId, kind, PciPath.root(portSlot(port)), port);
  }

  /** QEMU's name for the machine with the VM's chipset. */
  static String machine(VmConfig config) {
    return config.hotplugPorts() == 0 ? "q35,sata=off" : "pc";
  }

  /**
   * Where a virtio device is put, for QEMU's command line. On the bus of q35 it would be one of PCI
   * Express, whose further registers the kernel reads one by one and then does not use.
   */
  static String place(VmConfig config, int slot) {
    return (config.hotplugPorts() == 0 ? ",x-disable-pcie=on,bus=pcie.0" : ",bus=" + HOT_BUS)
        + ",addr=0x"
        + Integer.toHexString(slot);
  }

  /** Slot of a device of the start. */
  static int deviceSlot(int index) {
    return FIRST_DEVICE + index;
  }

  synchronized List<Placement> placements() {
    return List.copyOf(placements);
  }

  synchronized Placement find(String vmId, String deviceId) {
    for (Placement placement : placements) {
      if (placement.deviceId().equals(deviceId)) {
        return placement;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.NOT_FOUND, "VM " + vmId + " has no device \"" + deviceId + "\"");
  }

  synchronized boolean has(String deviceId) {
    for (Placement placement : placements) {
      if (placement.deviceId().equals(deviceId)) {
        return true;
      }
    }
    return false;
  }

  /** Takes the first free hot-plug port for a device. */
  synchronized Placement reserve(String vmId, Device device) {
    if (has(device.id())) {
      throw CasemateException.of(
          CasemateException.Kind.ALREADY_EXISTS,
          "VM " + vmId + " already has a device \"" + device.id() + "\"");
    }
    boolean[] taken = new boolean[ports];
    for (Placement placement : placements) {
      if (placement.port() >= 0 && placement.port() < ports) {
        taken[placement.port()] = true;
      }
    }
    for (int port = 0; port < ports; port++) {
      if (!taken[port]) {
        Placement placement = plugged(device.id(), Placement.Kind.of(device), port);
        placements.add(placement);
        return placement;
      }
    }
    throw CasemateException.of(
        CasemateException.Kind.RESOURCE_EXHAUSTED,
        "VM "
            + vmId
            + " has "
            + ports
            + " hot-plug ports and all are taken: detach a device, or start it with more");
  }

  synchronized void free(String deviceId) {
    placements.removeIf(placement -> placement.deviceId().equals(deviceId));
  }
}
