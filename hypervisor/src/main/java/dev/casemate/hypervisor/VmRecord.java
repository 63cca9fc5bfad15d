package dev.casemate.hypervisor;

import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;

/**
 * What is left of a VM on disk: enough to find it again, take it over or clean up after it.
 *
 * @param driver name of the driver
 * @param pid of the VMM; names its process only together with {@code startTime}
 * @param startTime in clock ticks since boot, field 22 of {@code /proc/pid/stat}
 * @param controlSocket where the driver commands the VMM
 * @param agentSocket path of the agent's channel; empty if it is a vsock or there is none
 * @param agentCid vsock context id of the guest; 0 if the channel is none
 * @param agentPort vsock port of the agent
 * @param consoleSocket empty if there is no console
 * @param hotplugPorts number of ports
 * @param devices where each device sits
 */
public record VmRecord(
    String driver,
    String vmId,
    int pid,
    long startTime,
    String runDirectory,
    String controlSocket,
    String agentSocket,
    long agentCid,
    int agentPort,
    String consoleSocket,
    int hotplugPorts,
    List<Placement> devices) {

  /**
   * A device in its place.
   *
   * @param kind {@code disk}, {@code nic}, {@code share}, {@code channel}, {@code rng}, {@code
   *     balloon}
   * @param port index of the hot-plug port; −1 for a device of the start
   */
  public record Placement(String deviceId, String kind, String pciPath, int port) {}

  public VmRecord {
    devices = List.copyOf(devices);
  }

  public Json.Obj toJson() {
    List<Json.Obj> placements = new ArrayList<>();
    for (Placement p : devices) {
      placements.add(
          new Json.Obj()
              .put("id", p.deviceId())
              .put("kind", p.kind())
              .put("pciPath", p.pciPath())
              .put("port", p.port()));
    }
    return new Json.Obj()
        .put("driver", driver)
        .put("vmId", vmId)
        .put("pid", pid)
        .put("startTime", startTime)
        .put("runDirectory", runDirectory)
        .put("controlSocket", controlSocket)
        .put("agentSocket", agentSocket)
        .put("agentCid", agentCid)
        .put("agentPort", agentPort)
        .put("consoleSocket", consoleSocket)
        .put("hotplugPorts", hotplugPorts)
        .putObjects("devices", placements);
  }

  public static VmRecord fromJson(Json.Obj json) {
    List<Placement> placements = new ArrayList<>();
    for (Json.Obj p : json.objects("devices")) {
      placements.add(
          new Placement(
              p.string("id"), p.string("kind"), p.string("pciPath"), (int) p.integer("port", -1)));
    }
    return new VmRecord(
        json.string("driver"),
        json.string("vmId"),
        (int) json.integer("pid", 0),
        json.integer("startTime", 0),
        json.string("runDirectory"),
        json.string("controlSocket"),
        json.string("agentSocket"),
        json.integer("agentCid", 0),
        (int) json.integer("agentPort", 0),
        json.string("consoleSocket"),
        (int) json.integer("hotplugPorts", 0),
        placements);
  }
}
