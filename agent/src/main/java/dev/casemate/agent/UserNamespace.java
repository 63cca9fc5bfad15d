package dev.casemate.agent;

import dev.casemate.cell.Sysctls;
import dev.casemate.cell.UserNamespaces;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import java.util.List;
import java.util.Optional;

/**
 * User namespaces of containers. Those of a pod share one, which lasts as long as the VM: the
 * container that was the first in it may end before the others.
 */
final class UserNamespace {
  /** The maps of the pod's, once it exists. */
  private Optional<Maps> pod = Optional.empty();

  private record Maps(List<IdMapping> uids, List<IdMapping> gids) {
    boolean isSameAs(Maps other) {
      return uids.equals(other.uids) && gids.equals(other.gids);
    }
  }

  /**
   * Makes what a container's user namespace needs.
   *
   * @return the specification without the kernel parameters of the VM: they are written here, as
   *     the root of a user namespace may not do it
   */
  Spec prepare(Spec spec) {
    LinuxSpec linux = spec.linux();
    Optional<LinuxSpec.Namespace> users = linux.namespace("user");
    if (users.isEmpty()) {
      return spec;
    }
    if (users.get().path().equals(GuestContract.USER_NAMESPACE)) {
      requirePod(new Maps(linux.uidMappings(), linux.gidMappings()));
    }
    // The network is the VM's: it knows nothing of the rights that a container's root has in its
    // own. Any user may listen at any port and send pings, as in containerd's pods.
    Sysctls.write("net.ipv4.ip_unprivileged_port_start", "0");
    Sysctls.write("net.ipv4.ping_group_range", "0 2147483647");
    return spec.withLinux(linux.withSysctl(Sysctls.writeInherited(linux.sysctl(), linux)));
  }

  private void requirePod(Maps wanted) {
    boolean unsaid = wanted.uids().isEmpty() && wanted.gids().isEmpty();
    if (pod.isPresent()) {
      if (!unsaid && !pod.get().isSameAs(wanted)) {
        throw Failures.invalid(
            "linux.uidMappings and gidMappings differ from those of the pod's first container; a"
                + " pod has one user namespace");
      }
      return;
    }
    if (unsaid) {
      throw Failures.invalid(
          "the pod's user namespace needs linux.uidMappings and gidMappings; add them");
    }
    UserNamespaces.pin(GuestContract.USER_NAMESPACE, wanted.uids(), wanted.gids());
    pod = Optional.of(wanted);
  }
}
