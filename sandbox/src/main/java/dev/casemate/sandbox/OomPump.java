package dev.casemate.sandbox;

import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.GetOOMEventRequest;
import dev.casemate.protocol.agent.OOMEvent;

/** Passes on which containers the guest's kernel has killed a process of for lack of memory. */
final class OomPump implements Runnable {
  private final Sandbox sandbox;
  private final AgentClient agent;
  private final SandboxListener listener;

  OomPump(Sandbox sandbox, AgentClient agent, SandboxListener listener) {
    this.sandbox = sandbox;
    this.agent = agent;
    this.listener = listener;
  }

  @Override
  public void run() {
    try {
      while (true) {
        byte[] event =
            agent.call(
                AgentService.NAME,
                AgentService.GET_OOM_EVENT,
                GetOOMEventRequest.builder().build(),
                AgentClient.NO_TIMEOUT);
        sandbox
            .findInGuest(OOMEvent.decode(event).containerId())
            .ifPresent(
                container -> {
                  container.outOfMemory();
                  listener.outOfMemory(container);
                });
      }
    } catch (RuntimeException e) {
      // The connection ends with the VM.
    }
  }
}
