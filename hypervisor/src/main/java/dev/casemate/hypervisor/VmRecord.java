package dev.casemate.hypervisor;

import dev.casemate.base.Json;

/**
 * What is left of a VM on disk: enough for {@link Vmm#cleanUp} to end it and to remove what it has
 * left.
 *
 * @param driver name of the driver, who alone can do that
 * @param pid of the VMM; names its process only together with {@code startTime}
 * @param startTime in clock ticks since boot, field 22 of {@code /proc/pid/stat}
 * @param driverState what the driver wants to find again; nobody else looks into it
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
