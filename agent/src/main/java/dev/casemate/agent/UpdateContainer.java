package dev.casemate.agent;

import dev.casemate.protocol.agent.UpdateContainerRequest;
import dev.casemate.specmapping.SpecMapping;

/** {@code UpdateContainer}: other limits. */
final class UpdateContainer {
  private UpdateContainer() {}

  static void handle(Agent agent, UpdateContainerRequest request, Answer answer) {
    GuestContainer container = agent.containers().find(request.containerId());
    if (request.resources().isPresent()) {
      for (String warning :
          container
              .cell()
              .update(
                  SpecMapping.fromMessage(request.resources().get(), request.resourcesRest()))) {
        agent.console().warn("container " + container.id() + ": " + warning);
      }
    }
    answer.ok(Services.EMPTY);
  }
}
