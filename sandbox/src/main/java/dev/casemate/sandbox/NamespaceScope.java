package dev.casemate.sandbox;

/**
 * Which of its namespaces a container shares with the others of its sandbox.
 *
 * @param pod whether it is part of a pod: the VM's own IPC and UTS namespaces are then the pod's
 * @param sharedPids whether it is in the pod's PID namespace
 */
public record NamespaceScope(boolean pod, boolean sharedPids) {
  /** A container with a VM of its own. */
  public static final NamespaceScope ALONE = new NamespaceScope(false, false);
}
