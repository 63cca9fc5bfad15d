package dev.casemate.shim;

import dev.casemate.protocol.task.CreateTaskRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What the host has of each container: what was asked for, and what it shares for it. */
final class HostContainers {
  /**
   * A container's part of the host.
   *
   * @param shares paths in the guest of what was shared for it
   */
  record Entry(CreateTaskRequest request, List<String> shares) {}

  private static final CreateTaskRequest NONE = CreateTaskRequest.builder().build();

  private final Map<String, Entry> entries = new ConcurrentHashMap<>();

  /** Takes a container's place; false if another has it. */
  boolean add(CreateTaskRequest request) {
    return entries.putIfAbsent(request.id(), new Entry(request, new ArrayList<>())) == null;
  }

  void addShare(String id, String guestPath) {
    Entry entry = entries.get(id);
    if (entry != null) {
      entry.shares().add(guestPath);
    }
  }

  /** Forgets a container; what was shared for it, the last one first. */
  List<String> remove(String id) {
    Entry entry = entries.remove(id);
    return entry == null ? List.of() : entry.shares().reversed();
  }

  /** What was asked for; an empty request for a container that is not there. */
  CreateTaskRequest request(String id) {
    Entry entry = entries.get(id);
    return entry == null ? NONE : entry.request();
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }
}
