package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Processes;
import dev.casemate.oci.LinuxSpec;
import java.util.LinkedHashMap;
import java.util.Map;

/** The namespaces of a container: which are new, which are joined, which it has of its own. */
final class Namespaces {
  /** {@code CLONE_NEW…} of those that are made. */
  final long fresh;

  /** {@code CLONE_NEW…} of those that differ from, or may differ from, the engine's. */
  final long all;

  /** {@code CLONE_NEW…} to path of those that are joined, the user namespace first. */
  final Map<Long, String> joined;

  private Namespaces(long fresh, Map<Long, String> joined) {
    this.fresh = fresh;
    this.joined = joined;
    long sum = fresh;
    for (long flag : joined.keySet()) {
      sum |= flag;
    }
    this.all = sum;
  }

  static Namespaces of(LinuxSpec linux) {
    long fresh = 0;
    long seen = 0;
    Map<Long, String> joined = new LinkedHashMap<>();
    String user = "";
    for (LinuxSpec.Namespace namespace : linux.namespaces()) {
      long flag = flag(namespace.type());
      if ((seen & flag) != 0) {
        throw Failures.invalid(
            "linux.namespaces holds \"" + namespace.type() + "\" twice; remove one");
      }
      seen |= flag;
      if (!namespace.path().isEmpty() && !namespace.path().startsWith("/")) {
        throw Failures.invalid(
            "linux.namespaces: path \""
                + namespace.path()
                + "\" of \""
                + namespace.type()
                + "\" must be absolute");
      }
      if (namespace.path().isEmpty()) {
        fresh |= flag;
      } else if (flag == Processes.CLONE_NEWUSER) {
        user = namespace.path();
      } else {
        joined.put(flag, namespace.path());
      }
    }
    if (!user.isEmpty()) {
      Map<Long, String> userFirst = new LinkedHashMap<>();
      userFirst.put(Processes.CLONE_NEWUSER, user);
      userFirst.putAll(joined);
      joined = userFirst;
    }
    Namespaces result = new Namespaces(fresh, joined);
    if (result.isFresh(Processes.CLONE_NEWUSER)
        && (linux.uidMappings().isEmpty() || linux.gidMappings().isEmpty())) {
      throw Failures.invalid(
          "a new user namespace needs linux.uidMappings and linux.gidMappings; add them");
    }
    if (!result.has(Processes.CLONE_NEWUSER)
        && !(linux.uidMappings().isEmpty() && linux.gidMappings().isEmpty())) {
      throw Failures.invalid(
          "linux.uidMappings or gidMappings without a user namespace; add one or remove them");
    }
    if (!linux.timeOffsets().isEmpty() && !result.isFresh(Processes.CLONE_NEWTIME)) {
      throw Failures.invalid("linux.timeOffsets without a new time namespace; add one");
    }
    return result;
  }

  private static long flag(String type) {
    return switch (type) {
      case "pid" -> Processes.CLONE_NEWPID;
      case "network", "net" -> Processes.CLONE_NEWNET;
      case "mount", "mnt" -> Processes.CLONE_NEWNS;
      case "ipc" -> Processes.CLONE_NEWIPC;
      case "uts" -> Processes.CLONE_NEWUTS;
      case "user" -> Processes.CLONE_NEWUSER;
      case "cgroup" -> Processes.CLONE_NEWCGROUP;
      case "time" -> Processes.CLONE_NEWTIME;
      default ->
          throw Failures.invalid(
              "linux.namespaces: \""
                  + type
                  + "\" is no namespace; use pid, network, mount, ipc, uts, user, cgroup or time");
    };
  }

  boolean has(long flag) {
    return (all & flag) != 0;
  }

  boolean isFresh(long flag) {
    return (fresh & flag) != 0;
  }

  /**
   * Whether a helper has to join namespaces before the process proper is made: it must be in its
   * user namespace by then, or must join others while it still may, or is to make a namespace of
   * time that belongs to the user namespace.
   */
  boolean needsHelper() {
    return joined.containsKey(Processes.CLONE_NEWUSER)
        || (isFresh(Processes.CLONE_NEWUSER)
            && (!joined.isEmpty() || isFresh(Processes.CLONE_NEWTIME)));
  }

  /**
   * Refuses the engine's own mount namespace where a container cannot have it.
   *
   * @param ownKernel whether the container has a kernel of its own: its engine's mounts are none of
   *     the outside's
   */
  void checkMounts(boolean ownKernel) {
    if (has(Processes.CLONE_NEWNS)) {
      return;
    }
    if (ownKernel) {
      throw Failures.invalid(
          "linux.namespaces has no \"mount\", and a container in a VM cannot share the host's; add"
              + " it");
    }
    if (has(Processes.CLONE_NEWUSER)) {
      throw Failures.invalid(
          "linux.namespaces has \"user\" but no \"mount\": mounts take rights that a user namespace"
              + " does not have outside of its own; add \"mount\"");
    }
  }
}
