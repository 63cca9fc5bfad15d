package dev.casemate.containers;

import dev.casemate.guest.GuestStore;
import dev.casemate.sandbox.AgentChannel;
import dev.casemate.sandbox.VmSize;
import dev.casemate.vmms.Vmms;
import java.util.List;

/** Defaults and ranges of the options of {@code casemate run} and of {@link ContainerBuilder}. */
public final class ContainerDefaults {
  /** {@code --memory}: the VM's memory, in MiB. */
  public static final int MEMORY_MIB = 1024;

  public static final int LEAST_MEMORY_MIB = VmSize.LEAST_STANDALONE_MIB;
  public static final int MOST_MEMORY_MIB = 1 << 20;

  /** The second half of the error for an amount of memory out of range. */
  public static final String MEMORY_RANGE =
      "a VM needs at least "
          + LEAST_MEMORY_MIB
          + " MiB for its kernel to boot, and has at most "
          + (MOST_MEMORY_MIB >> 10)
          + " GiB";

  /** {@code --cpus}: a fraction is a quota on the next whole number of virtual CPUs. */
  public static final double CPUS = 1;

  public static final double LEAST_CPUS = 0.01;
  public static final double MOST_CPUS = 255;

  /** {@code --scratch}: the sparse disk for the container's writes; 0 means none. */
  public static final int SCRATCH_MIB = 10 * 1024;

  public static final int LEAST_SCRATCH_MIB = 16;
  public static final int MOST_SCRATCH_MIB = 16 << 20;

  /** {@code --pids-limit}; 0 or less means no limit. */
  public static final int PIDS = 4096;

  public static final int LEAST_PIDS = -1;
  public static final int MOST_PIDS = 4_194_304;

  /** {@code --stop-timeout}. */
  public static final int STOP_TIMEOUT_SECONDS = 10;

  public static final int MOST_STOP_TIMEOUT_SECONDS = 86_400;

  /** {@code --boot-timeout}. */
  public static final int BOOT_TIMEOUT_SECONDS = 60;

  public static final int LEAST_BOOT_TIMEOUT_SECONDS = 1;
  public static final int MOST_BOOT_TIMEOUT_SECONDS = 3600;

  /** {@code --hypervisor}: a driver's name. */
  public static final String HYPERVISOR = Vmms.DEFAULT;

  /** {@code --accel}. */
  public static final String ACCELERATOR = "auto";

  /** {@code --agent-channel}. */
  public static final String AGENT_CHANNEL = AgentChannel.SERIAL.word();

  /** {@code --guest}. */
  public static final String GUEST = GuestStore.DEFAULT_NAME;

  /** {@code --stop-signal} for an image that names none. */
  public static final String STOP_SIGNAL = "TERM";

  /** {@code --stop-signal} for systemd as the command: its wish to power off. */
  static final String SYSTEMD_STOP_SIGNAL = "RTMIN+3";

  /** {@code --hostname} is the beginning of the id, of this length, in characters. */
  static final int HOSTNAME_LENGTH = 12;

  /** {@code --workdir} for an image that names none. */
  static final String WORKDIR = "/";

  private ContainerDefaults() {}

  /** {@code --network}: {@code bridge} if ports are published, otherwise {@code none}. */
  public static String network(List<String> publish) {
    return publish.isEmpty() ? "none" : "bridge";
  }

  /** The signal that asks a container to end: the image's. */
  static String stopSignal(String ofImage) {
    return ofImage.isEmpty() ? STOP_SIGNAL : ofImage;
  }
}
