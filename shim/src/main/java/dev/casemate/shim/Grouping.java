package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.oci.Spec;
import java.util.Map;

/**
 * Which containers share a VM, by the annotations that Kubernetes' engines put into {@code
 * config.json}.
 *
 * @param kind what the container is to its sandbox
 * @param sandboxId the id that the sandbox has for the engine: the container's own, unless it
 *     belongs to another's
 */
record Grouping(Kind kind, String sandboxId) {
  enum Kind {
    /** A container with a VM to itself. */
    SINGLE,
    /** The container that stands for a pod. */
    SANDBOX,
    /** One of a pod's. */
    MEMBER
  }

  /** Annotation names: container's kind, its sandbox's id; then the words for the two kinds. */
  private static final String[][] DIALECTS = {
    {"io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-id", "sandbox", "container"},
    {"io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri-o.SandboxID", "sandbox", "container"},
    {"io.kubernetes.docker.type", "io.kubernetes.sandbox.id", "podsandbox", "container"},
  };

  /** containerd's own way to put unrelated containers into one shim. */
  private static final String RUNC_GROUP = "io.containerd.runc.v2.group";

  /**
   * @param id the container's
   * @param spec its {@code config.json}
   * @throws CasemateException INVALID_ARGUMENT if it is of a pod and does not say of which
   */
  static Grouping of(String id, Spec spec) {
    Map<String, String> annotations = spec.annotations();
    for (String[] dialect : DIALECTS) {
      String type = annotations.getOrDefault(dialect[0], "");
      if (type.equals(dialect[2])) {
        return new Grouping(Kind.SANDBOX, id);
      }
      if (type.equals(dialect[3])) {
        String sandbox = annotations.getOrDefault(dialect[1], "");
        if (sandbox.isEmpty()) {
          throw CasemateException.of(
              CasemateException.Kind.INVALID_ARGUMENT,
              "container "
                  + id
                  + " belongs to a pod by its annotation "
                  + dialect[0]
                  + ", but "
                  + dialect[1]
                  + ", which names the pod, is missing");
        }
        Identity.check("sandbox id", sandbox);
        return new Grouping(Kind.MEMBER, sandbox);
      }
    }
    String group = annotations.getOrDefault(RUNC_GROUP, "");
    if (!group.isEmpty() && !group.equals(id)) {
      Identity.check("group", group);
      return new Grouping(Kind.MEMBER, group);
    }
    return new Grouping(Kind.SINGLE, id);
  }

  /** Whether the container shares its VM with others. */
  boolean pod() {
    return kind != Kind.SINGLE;
  }
}
