package dev.casemate.sandbox;

import dev.casemate.base.Json;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * When the stages of a start ended, in microseconds of the host's monotonic clock; 0 for a stage
 * that was not reached.
 *
 * @param commandStart {@code casemate run} began
 * @param sandboxMain the sandbox process's main() began
 * @param vmmSpawned the VMM's process exists
 * @param agentMain the agent's main() began, taken from the guest's own clock
 * @param agentReady the agent's first answer arrived
 * @param containerCreated the container's namespaces and root exist
 * @param containerStarted its workload was executed
 */
public record StartTimings(
    long commandStart,
    long sandboxMain,
    long vmmSpawned,
    long agentMain,
    long agentReady,
    long containerCreated,
    long containerStarted) {
  /** What each stage took, by name, in milliseconds; the first byte is for others to see. */
  public Map<String, Long> stages() {
    Map<String, Long> stages = new LinkedHashMap<>();
    stages.put("process start", millis(commandStart, sandboxMain));
    stages.put("VMM start", millis(sandboxMain, vmmSpawned));
    stages.put("kernel", millis(vmmSpawned, agentMain));
    stages.put("agent", millis(agentMain, agentReady));
    stages.put("container", millis(agentReady, containerStarted));
    return stages;
  }

  /** Rounded. */
  public static long millis(long from, long to) {
    return Math.round((to - from) / 1000.0);
  }

  public static StartTimings none() {
    return new StartTimings(0, 0, 0, 0, 0, 0, 0);
  }

  public Json.Obj toJson() {
    return new Json.Obj()
        .put("commandStartMicros", commandStart)
        .put("sandboxMainMicros", sandboxMain)
        .put("vmmSpawnedMicros", vmmSpawned)
        .put("agentMainMicros", agentMain)
        .put("agentReadyMicros", agentReady)
        .put("containerCreatedMicros", containerCreated)
        .put("containerStartedMicros", containerStarted);
  }

  public static StartTimings fromJson(Json.Obj json) {
    return new StartTimings(
        json.integer("commandStartMicros", 0),
        json.integer("sandboxMainMicros", 0),
        json.integer("vmmSpawnedMicros", 0),
        json.integer("agentMainMicros", 0),
        json.integer("agentReadyMicros", 0),
        json.integer("containerCreatedMicros", 0),
        json.integer("containerStartedMicros", 0));
  }
}
