package dev.casemate.shim;

import dev.casemate.protocol.task.CreateTaskRequest;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What containerd has asked for, by container. */
final class HostContainers {
  private static final CreateTaskRequest NONE = CreateTaskRequest.builder().build();

  private final Map<String, CreateTaskRequest> requests = new ConcurrentHashMap<>();

  /** Takes a container's place; false if another has it. */
  boolean add(CreateTaskRequest request) {
    return requests.putIfAbsent(request.id(), request) == null;
  }

  /** Gives a container's place up; false if it had none. */
  boolean remove(String id) {
    return requests.remove(id) != null;
  }

  /** What was asked for; an empty request for a container that is not there. */
  CreateTaskRequest request(String id) {
    return requests.getOrDefault(id, NONE);
  }

  boolean isEmpty() {
    return requests.isEmpty();
  }

  boolean isSingle() {
    return requests.size() == 1;
  }
}
