package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.protocol.casemate.PersonalizeRequest;

/** {@code casemate.v1.Guest/Personalize}: makes a copy of a template a machine of its own. */
final class Personalize {
  private static final String RESCAN = "/sys/bus/pci/rescan";

  private Personalize() {}

  static void handle(Agent agent, PersonalizeRequest request) {
    // Before anything else: what follows may draw random numbers.
    ReseedRandomDev.reseed(request.seed());
    for (String group : request.moduleGroups()) {
      agent.modules().loadGroup(group);
    }
    if (request.findDevices()) {
      // Drivers that are loaded have set up their devices when this returns.
      FileContent.writeControl(RESCAN, "1");
    }
  }
}
