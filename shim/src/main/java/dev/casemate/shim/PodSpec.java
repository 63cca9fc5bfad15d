package dev.casemate.shim;

import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
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
  static NamespaceScope scope(Grouping grouping, Spec spec, boolean withoutPause) {
    if (!grouping.pod() && !withoutPause) {
      return NamespaceScope.ALONE;
    }
    NamespaceScope.Pids pids = NamespaceScope.Pids.OWN;
    if (grouping.kind() == Grouping.Kind.SANDBOX) {
      // The pause container's PID namespace is the one that others may join.
      pids = NamespaceScope.Pids.SHARED;
    }
    for (LinuxSpec.Namespace namespace : spec.linux().namespaces()) {
      if (namespace.type().equals("pid") && !namespace.path().isEmpty()) {
        pids = withoutPause ? NamespaceScope.Pids.MACHINE : NamespaceScope.Pids.SHARED;
      }
    }
    return new NamespaceScope(true, pids);
  }

  /**
   * Adds what a pause container's sandbox would have given: the pod's name, from which the guest
   * gets its {@code /etc/hosts} and {@code /etc/hostname}, and shared memory that is the pod's.
   */
  static Spec complete(Spec spec, String podName) {
    List<MountSpec> mounts = new ArrayList<>();
    for (MountSpec mount : spec.mounts()) {
      mounts.add(
          mount.destination().equals("/dev/shm")
              ? MountSpec.of(
                  "/dev/shm",
                  "bind",
                  mount.type().equals("bind") ? mount.source() : "",
                  "rbind",
                  "rprivate")
              : mount);
    }
    return spec.withHostname(spec.hostname().isEmpty() ? podName : spec.hostname())
        .withMounts(mounts);
  }
}
