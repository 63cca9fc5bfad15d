package dev.casemate.hypervisor.qemu;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmRecord.Placement;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Json;
import java.util.ArrayList;
import java.util.List;

/**
 * A QEMU that waits for a saved state instead of booting. What was plugged into the saved VM is
 * there from the start, in the same places.
 *
 * @param disks those of the snapshot, in its order
 */
record Incoming(VmSnapshot snapshot, List<Device.Disk> disks) {
  static Incoming of(VmConfig config, VmSnapshot snapshot, List<Device.Disk> disks) {
    boolean same = disks.size() == snapshot.disks().size();
    for (int i = 0; same && i < disks.size(); i++) {
      VmSnapshot.PluggedDisk was = snapshot.disks().get(i);
      same =
          disks.get(i).id().equals(was.deviceId())
              && was.port() >= 0
              && was.port() < config.hotplugPorts();
    }
    if (!same) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "VM "
              + config.vmId()
              + ": its saved state has other disks than it is given: expected "
              + snapshot.disks()
              + " in "
              + config.hotplugPorts()
              + " ports");
    }
    return new Incoming(snapshot, List.copyOf(disks));
  }

  void add(CommandLine line) {
    for (int i = 0; i < disks.size(); i++) {
      Device.Disk disk = disks.get(i);
      Json.Obj frontend =
          HotPlug.placed(HotPlug.diskFrontend(disk), disk.id(), snapshot.disks().get(i).port());
      line.add("-blockdev", DeviceArguments.Backends.disk(disk).text());
      line.add("-device", frontend.text());
    }
    for (Json.Obj processor : snapshot.processors()) {
      line.add("-device", processor.text());
    }
    line.add("-S", "-incoming", "defer");
  }

  /** Where everything sits: what the configuration places, and what was plugged in. */
  List<Placement> placements(VmConfig config) {
    List<Placement> all = new ArrayList<>(Layout.of(config).placements());
    for (VmSnapshot.PluggedDisk disk : snapshot.disks()) {
      all.add(Layout.plugged(disk.deviceId(), "disk", disk.port()));
    }
    return all;
  }
}
