package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.linux.Machine;
import dev.casemate.protocol.casemate.BootReport;
import dev.casemate.protocol.casemate.BootRequest;
import dev.casemate.protocol.casemate.GuestService;

/**
 * What the guest's agent says of itself when it first answers.
 *
 * @param agentMainMicros when its main() began, by the host's monotonic clock
 * @param agentReadyMicros when its answer was here
 */
record GuestBoot(BootReport report, long agentMainMicros, long agentReadyMicros) {
  /** Waits for the agent. */
  static GuestBoot await(AgentClient agent, int timeoutMillis) {
    BootReport report =
        agent.ask(
            GuestService.NAME,
            GuestService.BOOT,
            BootRequest.builder().build(),
            timeoutMillis,
            AgentClient.SMALL_ANSWER,
            BootReport::decode);
    long ready = Machine.monotonicMicros();
    // Both clocks tick alike: the guest says how long before its answer its main() began.
    long inGuest = report.readyMicros() - report.mainMicros();
    return new GuestBoot(report, ready - Math.clamp(inGuest, 0, timeoutMillis * 1000L), ready);
  }

  /** Of a copy of a template, whose agent began when it went on. */
  static GuestBoot ofCopy(BootReport report) {
    long now = Machine.monotonicMicros();
    return new GuestBoot(report, now, now);
  }

  void describe(Json.Obj json) {
    json.put("kernelRelease", report.kernelRelease())
        .put("agentVersion", report.agentVersion())
        .put("machine", report.machine())
        .put("memoryTotalBytes", report.memoryTotalBytes())
        .put("agentRssBytes", report.agentRssBytes());
  }
}
