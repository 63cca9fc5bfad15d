package dev.casemate.hypervisor;

import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;

/**
 * What a VM needs for a restore in addition to its configuration and its saved state: the devices
 * that were plugged in since its start.
 *
 * @param driver that wrote the state, with its version: no other is sure to read it
 * @param disks in the order in which they were plugged in
 * @param processors as the driver describes them
 */
public record VmSnapshot(String driver, List<PluggedDisk> disks, List<Json.Obj> processors) {
  /** A disk in its hot-plug port. */
  public record PluggedDisk(String deviceId, int port) {}

  public VmSnapshot {
    disks = List.copyOf(disks);
    processors = List.copyOf(processors);
  }

  public Json.Obj toJson() {
    List<Json.Obj> plugged = new ArrayList<>();
    for (PluggedDisk disk : disks) {
      plugged.add(new Json.Obj().put("id", disk.deviceId()).put("port", disk.port()));
    }
    return new Json.Obj()
        .put("driver", driver)
        .putObjects("disks", plugged)
        .putObjects("processors", processors);
  }

  public static VmSnapshot fromJson(Json.Obj json) {
    List<PluggedDisk> disks = new ArrayList<>();
    for (Json.Obj disk : json.objects("disks")) {
      disks.add(new PluggedDisk(disk.string("id"), (int) disk.integer("port", -1)));
    }
    return new VmSnapshot(json.string("driver"), disks, json.objects("processors"));
  }
}
