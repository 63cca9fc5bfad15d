package dev.casemate.cli;

import dev.casemate.base.Json;
import dev.casemate.containers.ContainerRecord;
import dev.casemate.network.Networks;
import dev.casemate.network.PortMapping;
import dev.casemate.network.SandboxNetwork;
import dev.casemate.sandbox.SandboxPaths;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The ports that lead to a container now, with the host ports that were chosen. */
final class PublishedPorts {
  private PublishedPorts() {}

  static List<PortMapping> of(SandboxPaths paths, ContainerRecord record) {
    if (!record.state().alive() || record.config().publish().isEmpty()) {
      return List.of();
    }
    Optional<SandboxNetwork> network = new Networks(paths.run()).find(record.config().id());
    return network.isPresent() ? network.get().published() : List.of();
  }

  /** {@code 0.0.0.0:8080->80/tcp, …} */
  static String text(List<PortMapping> ports) {
    StringBuilder text = new StringBuilder();
    for (PortMapping port : ports) {
      text.append(text.isEmpty() ? "" : ", ").append(port);
    }
    return text.toString();
  }

  static List<Json.Obj> json(List<PortMapping> ports) {
    List<Json.Obj> all = new ArrayList<>();
    for (PortMapping port : ports) {
      all.add(
          new Json.Obj()
              .put("hostAddress", port.hostAddress().map(Object::toString).orElse("0.0.0.0"))
              .put("hostPort", port.hostPort())
              .put("containerPort", port.containerPort())
              .put("protocol", port.protocol().toString()));
    }
    return all;
  }
}
