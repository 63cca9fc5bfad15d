package dev.casemate.oci;

import dev.casemate.oci.LinuxSpec.Namespace;
import dev.casemate.oci.Resources.DeviceRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The default parts of a container's configuration. */
public final class DefaultSpec {
  public static final String OCI_VERSION = "1.3.0";
  public static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  /** The 14 capabilities of a container that is not privileged. */
  public static final List<String> CAPABILITIES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FSETID",
          "CAP_FOWNER",
          "CAP_MKNOD",
          "CAP_NET_RAW",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETFCAP",
          "CAP_SETPCAP",
          "CAP_NET_BIND_SERVICE",
          "CAP_SYS_CHROOT",
          "CAP_KILL",
          "CAP_AUDIT_WRITE");

  public static final List<String> MASKED_PATHS =
      List.of(
          "/proc/asound",
          "/proc/acpi",
          "/proc/interrupts",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/proc/sched_debug",
          "/proc/scsi",
          "/sys/firmware",
          "/sys/devices/virtual/powercap");

  public static final List<String> READONLY_PATHS =
      List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

  /** The rule of a privileged container. */
  public static final DeviceRule EVERY_DEVICE = rule(true, "a", -1, -1, "rwm");

  private DefaultSpec() {}

  /** Capability sets of a plain process: bounding, effective and permitted, nothing inheritable. */
  public static ProcessSpec.Capabilities capabilities(List<String> names) {
    return new ProcessSpec.Capabilities(names, names, List.of(), names, List.of());
  }

  /** /proc, /dev, /dev/pts, /sys, /sys/fs/cgroup, /dev/mqueue and /dev/shm. */
  public static List<MountSpec> mounts(long shmBytes) {
    return List.of(
        MountSpec.of("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        MountSpec.of("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        MountSpec.of(
            "/dev/pts",
            "devpts",
            "devpts",
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
            "gid=5"),
        MountSpec.of("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        MountSpec.of(
            "/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev", "relatime"),
        MountSpec.of("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        MountSpec.of(
            "/dev/shm",
            "tmpfs",
            "shm",
            "nosuid",
            "noexec",
            "nodev",
            "mode=1777",
            "size=" + shmBytes));
  }

  /** New namespaces for everything but users and time. */
  public static List<Namespace> namespaces() {
    return List.of(
        new Namespace("mount", ""),
        new Namespace("uts", ""),
        new Namespace("pid", ""),
        new Namespace("ipc", ""),
        new Namespace("network", ""),
        new Namespace("cgroup", ""));
  }

  /** Nothing but making nodes, and the devices that every container has. */
  public static List<DeviceRule> deviceRules() {
    List<DeviceRule> rules = new ArrayList<>();
    rules.add(rule(false, "a", -1, -1, "rwm"));
    rules.add(rule(true, "c", 1, 5, "rwm"));
    rules.add(rule(true, "c", 1, 3, "rwm"));
    rules.add(rule(true, "c", 1, 9, "rwm"));
    rules.add(rule(true, "c", 1, 8, "rwm"));
    rules.add(rule(true, "c", 5, 0, "rwm"));
    rules.add(rule(true, "c", 5, 1, "rwm"));
    rules.add(rule(false, "c", 10, 229, "rwm"));
    return rules;
  }

  private static DeviceRule rule(boolean allow, String type, int major, int minor, String access) {
    return new DeviceRule(
        allow,
        type,
        major < 0 ? Optional.empty() : Optional.of(major),
        minor < 0 ? Optional.empty() : Optional.of(minor),
        access);
  }

  /**
   * The configuration of a plain container, with the default capabilities, mounts, namespaces and
   * seccomp profile. The {@code with…} methods add the user's options.
   *
   * @param root path of the root file system
   */
  public static Spec container(String root, String hostname, ProcessSpec process) {
    ProcessSpec.Capabilities capabilities =
        process.capabilities().orElse(capabilities(CAPABILITIES));
    Resources resources = Resources.NONE.withDevices(deviceRules());
    LinuxSpec linux =
        LinuxSpec.EMPTY
            .withNamespaces(namespaces())
            .withResources(resources)
            .withSeccomp(Optional.of(DefaultSeccomp.profile(capabilities.bounding())))
            .withMaskedPaths(MASKED_PATHS)
            .withReadonlyPaths(READONLY_PATHS);
    return new Spec(
        OCI_VERSION,
        Optional.of(process.withCapabilities(capabilities)),
        new RootSpec(root, false),
        hostname,
        "",
        mounts(64L << 20),
        HooksSpec.NONE,
        Map.of(),
        linux);
  }
}
