package dev.casemate.protocol;

/**
 * What the host and the agent must agree on beside the messages: paths in the guest, names of
 * channels and tags, words on the kernel command line, annotations. The two are built together, but
 * a change here also separates a new host from a guest that was built earlier.
 */
public final class GuestContract {
  /** The virtio port that the agent's connection uses. */
  public static final String AGENT_PORT = "dev.casemate.agent";

  /**
   * The kernel parameter that names the way to the host: {@link #SERIAL_CHANNEL}, which holds
   * without it, {@link #VSOCK_CHANNEL} or {@link #OPEN_VSOCK_CHANNEL}.
   */
  public static final String CHANNEL_PARAMETER = "casemate.channel=";

  /** The agent serves a virtio port, {@link #AGENT_PORT}. */
  public static final String SERIAL_CHANNEL = "serial";

  /**
   * The agent listens on {@link #AGENT_VSOCK_PORT} for the host, and accepts connections from
   * reserved ports only: their owners have rights on the host.
   */
  public static final String VSOCK_CHANNEL = "vsock";

  /** As {@link #VSOCK_CHANNEL}, but from any port: another runtime's shim uses any. */
  public static final String OPEN_VSOCK_CHANNEL = "vsock-any-port";

  /** The port of vsock that the agent listens on; Kata's. */
  public static final int AGENT_VSOCK_PORT = 1024;

  /** A directory for each container: {@code CONTAINERS + containerId}. */
  public static final String CONTAINERS = "/run/kata-containers/";

  /** The virtiofs tag of what the host shares; Kata's. */
  public static final String SHARED_TAG = "kataShared";

  /** Where the agent mounts what the host shares; read-only at the top. */
  public static final String SHARED = "/run/kata-containers/shared/containers";

  /**
   * Small files that containers have from the agent: {@code .resolv.conf}, and a directory for each
   * container with what CopyFile brings.
   */
  public static final String FILES = "/run/kata-containers/sandbox/files";

  /** Volumes whose content the host sends again when it changes: a directory each. */
  public static final String VOLUMES = "/run/kata-containers/sandbox/volumes";

  /** The {@code /dev/shm} of a pod: in the guest, where its containers really share it. */
  public static final String SHM = "/run/kata-containers/sandbox/shm";

  /** Volumes in the guest's memory: a directory each. */
  public static final String MEMORY_VOLUMES = "/run/kata-containers/sandbox/ephemeral";

  /** The user namespace of a pod, which all of its containers that have one are in. */
  public static final String USER_NAMESPACE = "/run/kata-containers/sandbox/user";

  /** The kernel parameter with the module groups to load, separated by commas. */
  public static final String MODULES_PARAMETER = "casemate.modules=";

  /** The module group for disks. */
  public static final String BLOCK_MODULES = "block";

  /** The module group for network cards. */
  public static final String NET_MODULES = "net";

  /** The module group for what the host shares. */
  public static final String SHARE_MODULES = "virtiofs";

  /** The module group for vsock. */
  public static final String VSOCK_MODULES = "vsock";

  /** The module group for memory that the host adds while the VM runs. */
  public static final String MEMORY_MODULES = "mem";

  /** The module group for writable layers. */
  public static final String OVERLAY_MODULES = "overlay";

  /** The module group without which the agent cannot reach the host. */
  public static final String BASE_MODULES = "base";

  /** The module group of what a guest was built with on request: it is loaded in each VM. */
  public static final String EXTRA_MODULES = "extra";

  /** Beside the initramfs: the modules that a guest's kernel may ask for. */
  public static final String MODULE_PACK = "modules.pack";

  /** Where the volumes of a container's image are, on its scratch disk: a directory each. */
  public static String imageVolumes(String containerId) {
    return CONTAINERS + containerId + "/scratch/volumes/";
  }

  /**
   * The annotation that lists an image's volumes: absolute paths separated by line feeds. The agent
   * creates those that the image lacks, and fills the directories of {@link #imageVolumes} that are
   * mounted on them.
   */
  public static final String IMAGE_VOLUMES_ANNOTATION = "dev.casemate.image-volumes";

  private GuestContract() {}
}
