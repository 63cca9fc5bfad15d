package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Epoll;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.WaitStatus;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The containers by id, and the reaper of all children: the kernel gives orphans to PID 1. */
final class Containers {
  private static final int NAME_LIMIT = 256;

  private final Map<String, GuestContainer> byId = new LinkedHashMap<>();
  private final Set<String> reserved = new HashSet<>();

  /** Begins to take note of children that end. */
  void start(Loop loop) {
    Fd signals = Signals.descriptor(true, Signals.CHLD);
    loop.watch(
        signals,
        Epoll.IN,
        events -> {
          while (Signals.read(signals) >= 0) {
            // One record may stand for many children.
          }
          reap();
        });
  }

  /** Tells the end of all children that have ended. */
  void reap() {
    while (true) {
      Optional<WaitStatus> status = Processes.waitFor(-1, Processes.WNOHANG);
      if (status.isEmpty()) {
        return;
      }
      ended(status.get());
    }
  }

  private void ended(WaitStatus status) {
    for (GuestContainer container : byId.values()) {
      if (container.onExit(status)) {
        return;
      }
    }
  }

  /** Checks an id that becomes part of paths. */
  static void requireName(String what, String name) {
    boolean good = !name.isEmpty() && name.length() <= NAME_LIMIT && !name.startsWith(".");
    for (int i = 0; good && i < name.length(); i++) {
      char c = name.charAt(i);
      good = c > ' ' && c < 0x7f && c != '/';
    }
    if (!good) {
      throw Failures.invalid(
          what
              + " \""
              + Console.printable(name)
              + "\" is not a name of 1 to "
              + NAME_LIMIT
              + " printable characters without '/' that does not start with '.'");
    }
  }

  /**
   * Takes an id for a container that is going to be made; see {@link #add} and {@link #release}.
   */
  void reserve(String id) {
    requireName("container id", id);
    if (byId.containsKey(id) || !reserved.add(id)) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "container " + id + " already exists; remove it first");
    }
  }

  void release(String id) {
    reserved.remove(id);
  }

  void add(GuestContainer container) {
    reserved.remove(container.id());
    byId.put(container.id(), container);
  }

  void remove(GuestContainer container) {
    byId.remove(container.id());
  }

  GuestContainer find(String id) {
    GuestContainer container = byId.get(id);
    if (container == null) {
      throw Failures.notFound("no such container: " + Console.printable(id));
    }
    return container;
  }

  Optional<GuestContainer> findIfExists(String id) {
    return Optional.ofNullable(byId.get(id));
  }

  GuestProcess process(String containerId, String execId) {
    return find(containerId).process(execId);
  }

  List<GuestContainer> all() {
    return new ArrayList<>(byId.values());
  }
}
