package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress.PciPath;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmSnapshot;
import java.util.ArrayList;
import java.util.List;

/**
 * Which device sits in which PCI slot. Devices of the start take slots 1 to 15 of the root bus in
 * the order of the configuration, hot-plug ports slots 16 to 27, more than 12 as further functions
 * of these; slot 28 is memory that grows; slots 0 and 31 are the chipset's.
 */
final class PciLayout {
  private static final int FIRST_DEVICE = 1;
  private static final int FIRST_PORT = 16;
  static final int PORT_SLOTS = 12;

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

  /** Slot of a hot-plug port on the root bus. */
  static int portSlot(int port) {
    return FIRST_PORT + port % PORT_SLOTS;
  }

  /** Function of a hot-plug port in its slot. */
  static int portFunction(int port) {
    return port / PORT_SLOTS;
  }

  /** What sits in a hot-plug port. */
  private static Placement plugged(String deviceId, Placement.Kind kind, int port) {
    PciPath path = PciPath.behind(portSlot(port), portFunction(port));
    return new Placement(deviceId, kind, path, port);
  }

  /** Slot of a device of the start on the root bus. */
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
