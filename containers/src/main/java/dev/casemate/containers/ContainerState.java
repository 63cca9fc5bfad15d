package dev.casemate.containers;

import dev.casemate.base.Json;
import dev.casemate.sandbox.StartTimings;

/**
 * The state of a container: {@code state.json} next to its record, replaced at every change by the
 * process that owns the sandbox.
 *
 * @param phase phase of its life cycle
 * @param pid the sandbox process on the host, 0 once it has ended
 * @param exitCode the workload's status, 128 + signal; −1 while unknown
 * @param error why it did not end by itself; empty if it did
 * @param startedMillis wall clock, 0 if it never ran
 * @param finishedMillis wall clock, 0 while it runs
 * @param address its address in the bridge's network, or empty
 * @param timings how long the stages of its start took
 */
public record ContainerState(
    Phase phase,
    int pid,
    int exitCode,
    String error,
    long startedMillis,
    long finishedMillis,
    String address,
    boolean oomKilled,
    StartTimings timings) {
  /** The phases, with Docker's names. */
  public enum Phase {
    CREATED("created"),
    RUNNING("running"),
    PAUSED("paused"),
    EXITED("exited");

    private final String text;

    Phase(String text) {
      this.text = text;
    }

    public String text() {
      return text;
    }

    static Phase of(String text) {
      for (Phase phase : values()) {
        if (phase.text.equals(text)) {
          return phase;
        }
      }
      return EXITED;
    }
  }

  public static ContainerState created() {
    return new ContainerState(Phase.CREATED, 0, -1, "", 0, 0, "", false, StartTimings.none());
  }

  public boolean alive() {
    return phase != Phase.EXITED;
  }

  ContainerState withPhase(Phase to) {
    return new ContainerState(
        to, pid, exitCode, error, startedMillis, finishedMillis, address, oomKilled, timings);
  }

  ContainerState owned(int by, String at) {
    return new ContainerState(
        phase, by, exitCode, error, startedMillis, finishedMillis, at, oomKilled, timings);
  }

  ContainerState started(long millis, StartTimings measured) {
    return new ContainerState(Phase.RUNNING, pid, -1, "", millis, 0, address, false, measured);
  }

  ContainerState ended(int code, String why, long millis, boolean oom) {
    return new ContainerState(
        Phase.EXITED, 0, code, why, startedMillis, millis, address, oom, timings);
  }

  public Json.Obj toJson() {
    return new Json.Obj()
        .put("status", phase.text())
        .put("pid", pid)
        .put("exitCode", exitCode)
        .put("error", error)
        .put("startedMillis", startedMillis)
        .put("finishedMillis", finishedMillis)
        .put("address", address)
        .put("oomKilled", oomKilled)
        .put("timings", timings.toJson());
  }

  public static ContainerState fromJson(Json.Obj json) {
    return new ContainerState(
        Phase.of(json.string("status")),
        (int) json.integer("pid", 0),
        (int) json.integer("exitCode", -1),
        json.string("error"),
        json.integer("startedMillis", 0),
        json.integer("finishedMillis", 0),
        json.string("address"),
        json.bool("oomKilled", false),
        json.object("timings").map(StartTimings::fromJson).orElseGet(StartTimings::none));
  }
}
