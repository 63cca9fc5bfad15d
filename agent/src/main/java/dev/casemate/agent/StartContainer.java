package dev.casemate.agent;

import dev.casemate.protocol.agent.StartContainerRequest;

/** {@code StartContainer}: lets the first process go on to its command. */
final class StartContainer {
  private StartContainer() {}

  static void handle(Agent agent, StartContainerRequest request, Answer answer) {
    GuestContainer container = agent.containers().find(request.containerId());
    if (container.init().hasEnded()) {
      throw Failures.precondition(
          "the first process of container " + container.id() + " ended before it was started");
    }
    container.cell().start();
    answer.ok(Services.EMPTY);
  }
}
