package dev.casemate.oci;

/**
 * How a container is checkpointed and restored; mostly options of criu(8).
 *
 * @param images absolute path of the directory with the images
 * @param work absolute path of the directory for the log and statistics; empty for {@code images}
 * @param parent where the images of an earlier dump are, relative to {@code images}; empty if none
 * @param preDump copies only the memory; the container continues to run
 * @param manageCgroups {@code soft}, {@code full}, {@code strict} or {@code ignore}
 * @param emptyNetwork omits the content of the network namespace
 * @param lsmProfile {@code apparmor:NAME} or {@code selinux:NAME} on restore; empty for the dumped
 * @param lsmMountContext SELinux' for mounts on restore; empty for the dumped
 */
public record CriuOptions(
    String images,
    String work,
    String parent,
    boolean leaveRunning,
    boolean preDump,
    boolean tcpEstablished,
    boolean externalUnixSockets,
    boolean shellJob,
    boolean fileLocks,
    boolean autoDedup,
    String manageCgroups,
    boolean emptyNetwork,
    String lsmProfile,
    String lsmMountContext) {

  /** The directory of the log. */
  public String logDirectory() {
    return work.isEmpty() ? images : work;
  }
}
