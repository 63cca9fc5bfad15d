package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.StatsContainerRequest;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.rpc.RpcException;

/** What the guest's kernel counts of a container. */
final class GuestStats {
  private static final int SHORT_TIMEOUT_MILLIS = 1_000;

  private GuestStats() {}

  static StatsContainerResponse of(AgentClient agent, String guestId) {
    return of(agent, guestId, AgentClient.CALL_TIMEOUT_MILLIS);
  }

  private static StatsContainerResponse of(AgentClient agent, String guestId, int timeoutMillis) {
    return agent.ask(
        AgentService.NAME,
        AgentService.STATS_CONTAINER,
        StatsContainerRequest.builder().containerId(guestId).build(),
        timeoutMillis,
        AgentClient.SMALL_ANSWER,
        StatsContainerResponse::decode);
  }

  /** Whether the kernel has killed a process of it for lack of memory; false if that is unknown. */
  static boolean wasOutOfMemory(AgentClient agent, String guestId) {
    try {
      return of(agent, guestId, SHORT_TIMEOUT_MILLIS)
              .cgroupStats()
              .flatMap(CgroupStats::memoryStats)
              .map(memory -> memory.events().getOrDefault("oom_kill", 0L))
              .orElse(0L)
          > 0;
    } catch (CasemateException | RpcException e) {
      return false;
    }
  }
}
