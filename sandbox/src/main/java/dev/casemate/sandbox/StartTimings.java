package dev.casemate.sandbox;

import dev.casemate.oci.Json;

/**
 * When the stages of a start ended, in microseconds of the host's monotonic clock; 0 for a stage
 * that was not reached.
 *
 * @param commandStart {@code casemate run} began
 * @param sandboxMain the sandbox process's main() began
 * @param vmmSpawned the VMM's process exists
 * @param agentMain the agent's main() began, taken from the guest's own clock
 * @param agentReady the agent's first answer arrived
 * @param containerCreated the container's namespaces and root stand
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
  static StartTimings none() {
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

  static StartTimings fromJson(Json.Obj json) {
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
