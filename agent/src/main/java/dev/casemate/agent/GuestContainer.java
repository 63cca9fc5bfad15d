package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.cell.Container;
import dev.casemate.linux.WaitStatus;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A container with the processes that the host knows and what was mounted for it. */
final class GuestContainer {
  /** Execs that are over are kept for late questions up to this number. */
  private static final int KEPT_EXECS = 64;

  private static final int EXECS_LIMIT = 4096;

  private final Container cell;
  private final String rootPath;
  private final GuestProcess init;
  private final List<String> mountPoints;
  private final Map<String, GuestProcess> execs = new LinkedHashMap<>();
  private boolean removing;

  GuestContainer(Container cell, String rootPath, GuestProcess init, List<String> mountPoints) {
    this.cell = cell;
    this.rootPath = rootPath;
    this.init = init;
    this.mountPoints = mountPoints;
  }

  String id() {
    return cell.id();
  }

  Container cell() {
    return cell;
  }

  /** Where its root file system is in the guest. */
  String rootPath() {
    return rootPath;
  }

  GuestProcess init() {
    return init;
  }

  List<String> mountPoints() {
    return mountPoints;
  }

  /**
   * Notes that the container is being removed.
   *
   * @throws CasemateException FAILED_PRECONDITION if it is already
   */
  void beginRemoval() {
    if (removing) {
      throw Failures.precondition("container " + id() + " is being removed");
    }
    removing = true;
  }

  void endRemoval() {
    removing = false;
  }

  /** A process by its exec id; that of the first one is empty or the container's id. */
  GuestProcess process(String execId) {
    if (execId.isEmpty() || execId.equals(init.execId()) || execId.equals(id())) {
      return init;
    }
    GuestProcess process = execs.get(execId);
    if (process == null) {
      throw Failures.notFound("container " + id() + " has no process " + execId);
    }
    return process;
  }

  /** Checks that a new process may have this exec id, and makes room for it. */
  void reserve(String execId) {
    if (execId.isEmpty() || execId.equals(id()) || execId.equals(init.execId())) {
      throw Failures.invalid(
          "exec id \"" + execId + "\" names the first process of container " + id());
    }
    GuestProcess old = execs.get(execId);
    if (old != null && !old.isDone()) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "container " + id() + " already has a process " + execId);
    }
    if (execs.size() >= KEPT_EXECS) {
      execs.values().removeIf(GuestProcess::isDone);
    }
    if (execs.size() >= EXECS_LIMIT) {
      throw CasemateException.of(
          Kind.RESOURCE_EXHAUSTED,
          "container " + id() + " has " + EXECS_LIMIT + " processes that have not been waited for");
    }
  }

  void add(GuestProcess process) {
    GuestProcess old = execs.put(process.execId(), process);
    if (old != null) {
      old.close();
    }
  }

  /** All processes that the host knows, the first one first. */
  Collection<GuestProcess> processes() {
    List<GuestProcess> all = new ArrayList<>();
    all.add(init);
    all.addAll(execs.values());
    return all;
  }

  /** Whether an ended child was one of this container's. */
  boolean onExit(WaitStatus status) {
    cell.onExit(status);
    for (GuestProcess process : processes()) {
      if (process.pid() == status.pid() && !process.hasEnded()) {
        process.ended(status.exitStatus());
        return true;
      }
    }
    return false;
  }
}
