package dev.casemate.hypervisor;

import dev.casemate.base.Json;

/**
 * The record of a VM on disk: enough for {@link Vmm#cleanUp} to end it and to remove its leftovers.
 *
 * @param driver name of the driver that can do that
 * @param pid of the VMM; names its process only together with {@code startTime}
 * @param startTime in clock ticks since boot, field 22 of {@code /proc/pid/stat}
 * @param driverState opaque state of the driver
 */
public record VmRecord(
    String driver,
    String vmId,
    int pid,
    long startTime,
    String runDirectory,
    Json.Obj driverState) {

  public Json.Obj toJson() {
    return new Json.Obj()
        .put("driver", driver)
        .put("vmId", vmId)
        .put("pid", pid)
        .put("startTime", startTime)
        .put("runDirectory", runDirectory)
        .put("driverState", driverState);
  }

  public static VmRecord fromJson(Json.Obj json) {
    return new VmRecord(
        json.string("driver"),
        json.string("vmId"),
        (int) json.integer("pid", 0),
        json.integer("startTime", 0),
        json.string("runDirectory"),
        json.object("driverState").orElseGet(Json.Obj::new));
  }
}
