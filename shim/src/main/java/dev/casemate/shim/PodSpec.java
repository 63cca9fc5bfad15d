package dev.casemate.shim;

import dev.casemate.base.Json;
import dev.casemate.sandbox.NamespaceScope;
import java.util.ArrayList;
import java.util.List;

/** What follows for a container from being one of a pod's. */
final class PodSpec {
  private PodSpec() {}

  /**
   * Which namespaces a container shares.
   *
   * @param withoutPause whether its pod has no pause container
   */
  static NamespaceScope scope(Grouping grouping, Json.Obj spec, boolean withoutPause) {
    if (!grouping.pod() && !withoutPause) {
      return NamespaceScope.ALONE;
    }
    NamespaceScope.Pids pids = NamespaceScope.Pids.OWN;
    if (grouping.kind() == Grouping.Kind.SANDBOX) {
      // The pause container's PID namespace is the one that others may join.
      pids = NamespaceScope.Pids.SHARED;
    }
    for (Json.Obj namespace : spec.object("linux").orElseGet(Json.Obj::new).objects("namespaces")) {
      if (namespace.string("type").equals("pid") && !namespace.string("path").isEmpty()) {
        pids = withoutPause ? NamespaceScope.Pids.MACHINE : NamespaceScope.Pids.SHARED;
      }
    }
    return new NamespaceScope(true, pids);
  }

  /**
   * Adds what a pause container's sandbox would have given: the pod's name, from which the guest
   * gets its {@code /etc/hosts} and {@code /etc/hostname}, and shared memory that is the pod's.
   */
  static Json.Obj complete(Json.Obj spec, String podName) {
    Json.Obj complete = new Json.Obj();
    spec.fields().forEach(complete::put);
    if (spec.string("hostname").isEmpty()) {
      complete.put("hostname", podName);
    }
    List<Json.Obj> mounts = new ArrayList<>();
    for (Json.Obj mount : spec.objects("mounts")) {
      mounts.add(
          mount.string("destination").equals("/dev/shm")
              ? new Json.Obj()
                  .put("destination", "/dev/shm")
                  .put("type", "bind")
                  .put("source", mount.string("type").equals("bind") ? mount.string("source") : "")
                  .putStrings("options", List.of("rbind", "rprivate"))
              : mount);
    }
    return complete.putObjects("mounts", mounts);
  }
}
