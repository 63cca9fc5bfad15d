package dev.casemate.sandbox;

/**
 * Which of its namespaces a container shares with the others of its sandbox.
 *
 * @param pod whether it is part of a pod: the VM's own IPC and UTS namespaces are then the pod's
 * @param pids whose PID namespace it is in
 */
public record NamespaceScope(boolean pod, Pids pids) {
  /** A container with a VM of its own. */
  public static final NamespaceScope ALONE = new NamespaceScope(false, Pids.OWN);

  /** The PID namespace of a container. */
  public enum Pids {
    /** Its own, as in its specification. */
    OWN,
    /**
     * Those of the pod, whose PID namespace is that of its first container, the pause container.
     */
    SHARED,
    /** Those of the VM: a pod without a pause container has no other namespace that lasts. */
    MACHINE
  }
}
