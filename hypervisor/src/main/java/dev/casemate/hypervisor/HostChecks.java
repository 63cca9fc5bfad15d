package dev.casemate.hypervisor;

import dev.casemate.linux.Capabilities;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The checks of {@code casemate doctor} on a host; each answers one question. */
public final class HostChecks {
  private static final long MIB = 1024 * 1024;
  private static final long MEMORY_LOW_MIB = 1024;
  private static final long MEMORY_LEAST_MIB = 320;
  private static final long DISK_LOW_MIB = 2048;
  private static final long DISK_LEAST_MIB = 256;

  private final HostFiles files;

  /** Checks the machine below {@code root}: empty for this one. */
  public HostChecks(String root) {
    files = new HostFiles(root);
  }

  /**
   * All checks.
   *
   * @param vmm the driver that is to run VMs
   * @param directories directories for images and state
   */
  public List<Finding> all(Vmm vmm, List<String> directories) {
    List<Finding> findings = new ArrayList<>();
    findings.add(kvm());
    findings.add(nested());
    findings.addAll(vmm.check());
    findings.add(virtiofsd());
    findings.add(vhostVsock());
    findings.add(vhostNet());
    findings.add(tun());
    findings.add(memory());
    findings.add(cgroups());
    findings.addAll(privileges());
    findings.add(jail());
    for (String directory : directories) {
      findings.add(disk(directory));
    }
    return findings;
  }

  /** Whether KVM can run guests. */
  public Finding kvm() {
    Accelerator accelerator = Accelerator.detect(files.root());
    if (accelerator.kind() == Accelerator.Kind.KVM) {
      return Finding.ok("kvm", "KVM", accelerator.reason());
    }
    boolean guest = Accelerator.processorFlags(files.root()).contains("hypervisor");
    return Finding.warning(
        "kvm",
        "KVM",
        accelerator.reason(),
        "guests run by emulation (TCG): they start in seconds and compute about ten times slower",
        guest
            ? "this machine is a VM itself: enable nested virtualization on its host"
            : Accelerator.virtualizationFlag(files.root()).isEmpty()
                ? "enable VT-x or AMD-V in the firmware's settings"
                : "modprobe kvm_intel || modprobe kvm_amd");
  }

  /** Whether this machine is a guest itself, which costs, and whether its guests can run VMs. */
  public Finding nested() {
    boolean guest = Accelerator.processorFlags(files.root()).contains("hypervisor");
    if (guest && Accelerator.detect(files.root()).kind() == Accelerator.Kind.KVM) {
      return Finding.ok(
          "nested",
          "nested virtualization",
          "this machine is a VM itself and uses its host's: each exit from a guest costs some 20 to"
              + " 100 µs instead of 1 to 2 µs, so containers start several times slower than on"
              + " metal");
    }
    String value =
        files.read("/sys/module/kvm_intel/parameters/nested")
            + files.read("/sys/module/kvm_amd/parameters/nested");
    boolean on = value.startsWith("Y") || value.startsWith("1");
    return Finding.ok(
        "nested",
        "nested virtualization",
        value.isEmpty()
            ? "does not apply: neither kvm_intel nor kvm_amd is loaded"
            : on ? "on: guests can run VMs" : "off: guests cannot run VMs");
  }

  /**
   * Compares {@code 7.2.22} and {@code 10.0} number by number.
   *
   * @return negative, 0 or positive, as a comparator does
   */
  public static int compareVersions(String a, String b) {
    List<String> left = Text.split(a, '.');
    List<String> right = Text.split(b, '.');
    for (int i = 0; i < Math.max(left.size(), right.size()); i++) {
      int order = Integer.compare(number(left, i), number(right, i));
      if (order != 0) {
        return order;
      }
    }
    return 0;
  }

  private static int number(List<String> parts, int index) {
    try {
      return index < parts.size() ? Integer.parseInt(parts.get(index)) : 0;
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /** The daemon that shares directories. */
  public Finding virtiofsd() {
    Optional<String> path = Virtiofsd.find(files.root());
    return path.isPresent()
        ? Finding.ok("virtiofsd", "directory sharing (virtiofsd)", describe(path.get()))
        : Finding.warning(
            "virtiofsd",
            "directory sharing (virtiofsd)",
            "virtiofsd is not installed",
            "host directories cannot be shared with guests; disks and copies work",
            "apt-get install virtiofsd || apt-get install qemu-system-common");
  }

  private static String describe(String daemon) {
    return Virtiofsd.isOfQemu(daemon)
        ? daemon
            + ", QEMU's own in C, which is no longer developed;"
            + " Casemate uses the one in Rust where it is installed (package virtiofsd, Debian 13)"
        : daemon;
  }

  /** The host kernel's vsock: a choice for the agent's channel, not the default. */
  public Finding vhostVsock() {
    String state =
        VhostVsock.problem(files.root())
            .map(
                why ->
                    "cannot be used as the agent's channel ("
                        + why
                        + "): the default, virtio-serial, does not need it; for agent channel"
                        + " \"vsock\": modprobe vhost_vsock")
            .orElse(
                VhostVsock.DEVICE
                    + " can be opened: the agent's channel can be \"vsock\" instead of \"serial\"");
    return Finding.ok("vhost-vsock", "vsock", state);
  }

  /** The host kernel's network back end. */
  public Finding vhostNet() {
    if (files.exists("/dev/vhost-net")) {
      return Finding.ok("vhost-net", "network acceleration", "/dev/vhost-net exists");
    }
    return Finding.warning(
        "vhost-net",
        "network acceleration",
        "/dev/vhost-net does not exist",
        "packets pass through the VMM's process: less throughput, more CPU time",
        "modprobe vhost_net");
  }

  /** TAP devices. */
  public Finding tun() {
    return files.exists("/dev/net/tun")
        ? Finding.ok("tun", "TAP devices", "/dev/net/tun exists")
        : Finding.failure(
            "tun",
            "TAP devices",
            "/dev/net/tun does not exist",
            "VMs get no network",
            "modprobe tun");
  }

  /** Available memory. */
  public Finding memory() {
    List<String> available = files.field("/proc/meminfo", "MemAvailable");
    if (available.isEmpty()) {
      return Finding.warning(
          "memory",
          "memory",
          "/proc/meminfo has no MemAvailable",
          "it is not known whether a VM fits",
          "mount -t proc proc /proc");
    }
    long mib;
    try {
      mib = Long.parseLong(available.getFirst()) / 1024;
    } catch (NumberFormatException e) {
      mib = 0;
    }
    String detail = mib + " MiB are available";
    if (mib < MEMORY_LEAST_MIB) {
      return Finding.failure(
          "memory", "memory", detail, "not even one VM of 256 MiB fits", "stop other programs");
    }
    return mib < MEMORY_LOW_MIB
        ? Finding.warning(
            "memory", "memory", detail, "only a few small VMs fit", "stop other programs")
        : Finding.ok("memory", "memory", detail);
  }

  /** How control groups are mounted. */
  public Finding cgroups() {
    boolean one = false;
    boolean two = false;
    boolean twoAtRoot = false;
    for (String line : files.lines("/proc/self/mounts")) {
      List<String> fields = Text.split(line, ' ');
      if (fields.size() < 3) {
        continue;
      }
      one |= fields.get(2).equals("cgroup");
      if (fields.get(2).equals("cgroup2")) {
        two = true;
        twoAtRoot |= fields.get(1).equals("/sys/fs/cgroup");
      }
    }
    String title = "control groups";
    if (twoAtRoot) {
      String controllers = files.read("/sys/fs/cgroup/cgroup.controllers");
      List<String> names = Text.split(controllers, ' ');
      return names.contains("memory") && names.contains("cpu")
          ? Finding.ok("cgroups", title, "version 2 (" + controllers + ")")
          : Finding.warning(
              "cgroups",
              title,
              "version 2 without cpu or memory (" + controllers + ")",
              "VMs cannot be limited as a whole on the host; limits inside the guest work",
              "start the kernel without cgroup_disable=");
    }
    if (one) {
      return Finding.ok(
          "cgroups", title, two ? "hybrid: version 1 with version 2 alongside" : "version 1");
    }
    return Finding.warning(
        "cgroups",
        title,
        "not mounted",
        "VMs cannot be limited as a whole on the host; limits inside the guest work",
        "mount -t cgroup2 none /sys/fs/cgroup");
  }

  /** Root and the capabilities that matter. */
  public List<Finding> privileges() {
    List<Finding> findings = new ArrayList<>();
    List<String> uids = files.field("/proc/self/status", "Uid");
    boolean root = uids.size() > 1 && uids.get(1).equals("0");
    findings.add(
        root
            ? Finding.ok("root", "user", "root")
            : Finding.failure(
                "root",
                "user",
                "not root" + (uids.size() > 1 ? " (uid " + uids.get(1) + ")" : ""),
                "mounts, namespaces and TAP devices need root",
                "sudo casemate doctor"));
    long capabilities = capabilities();
    findings.add(
        capability(
            capabilities, 21, "CAP_SYS_ADMIN", true, "mounts and namespaces cannot be created"));
    findings.add(capability(capabilities, 12, "CAP_NET_ADMIN", true, "VMs get no network"));
    findings.add(
        capability(
            capabilities,
            24,
            "CAP_SYS_RESOURCE",
            false,
            "oom_score_adj cannot be lowered and hard resource limits cannot be raised: containers"
                + " that request this start without it"));
    return findings;
  }

  private long capabilities() {
    List<String> effective = files.field("/proc/self/status", "CapEff");
    try {
      return effective.isEmpty() ? 0 : Long.parseUnsignedLong(effective.getFirst(), 16);
    } catch (NumberFormatException e) {
      // None can be relied on then.
      return 0;
    }
  }

  /** Requirements of the VMM's jail; {@code docs/security.md} explains them. */
  public Finding jail() {
    String title = "jail of the VMM";
    List<String> lacking = new ArrayList<>();
    long held = capabilities();
    for (String name :
        List.of("CAP_CHOWN", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_SYS_ADMIN")) {
      if ((held >> Capabilities.number(name) & 1) == 0) {
        lacking.add(name);
      }
    }
    if (!Text.split(files.read("/proc/sys/kernel/seccomp/actions_avail"), ' ')
        .contains("user_notif")) {
      lacking.add("seccomp with user_notif (Linux 5.5 or later)");
    }
    for (String kind : List.of("mnt", "pid", "ipc", "uts", "net")) {
      String limit = files.read("/proc/sys/user/max_" + kind + "_namespaces");
      if (limit.isEmpty() || limit.equals("0")) {
        lacking.add("namespaces of kind " + kind);
      }
    }
    if (!lacking.isEmpty()) {
      return Finding.failure(
          "jail",
          title,
          "this machine or user lacks " + String.join(", ", lacking),
          "VMs do not start, because they would not be confined on the host",
          "run Casemate as root outside of a container, or switch the jail off: jail.enabled ="
              + " false in /etc/casemate/config.toml, CASEMATE_JAIL=off for casemate run");
    }
    return (held >> Capabilities.number("CAP_MKNOD") & 1) == 0
        ? Finding.warning(
            "jail",
            title,
            "complete, but CAP_MKNOD is missing",
            "/dev/kvm is used with the group that it has on the host",
            "grant CAP_MKNOD")
        : Finding.ok("jail", title, "user, root, namespaces and system call filter can be set up");
  }

  private static Finding capability(
      long held, int bit, String name, boolean needed, String meaning) {
    String id = name.toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    if ((held >> bit & 1) != 0) {
      return Finding.ok(id, name, "held");
    }
    String remedy = "run Casemate as root outside of a container, or grant " + name;
    return needed
        ? Finding.failure(id, name, "missing", meaning, remedy)
        : Finding.warning(id, name, "missing", meaning, remedy);
  }

  /** Free space on the file system of a directory that exists or will be created. */
  public Finding disk(String directory) {
    String id = "disk:" + directory;
    String title = "disk space of " + directory;
    String there = directory;
    while (there.length() > 1 && !files.exists(there)) {
      int slash = there.lastIndexOf('/');
      there = slash <= 0 ? "/" : there.substring(0, slash);
    }
    long freeMib;
    try {
      freeMib = FileSystem.of(files.root() + there).freeBytes() / MIB;
    } catch (LinuxException e) {
      return Finding.warning(
          id, title, String.valueOf(e.getMessage()), "it is not known whether images fit", "df");
    }
    String detail = freeMib + " MiB are free";
    if (freeMib < DISK_LEAST_MIB) {
      return Finding.failure(
          id, title, detail, "images cannot be unpacked", "casemate images; casemate rmi IMAGE");
    }
    return freeMib < DISK_LOW_MIB
        ? Finding.warning(
            id, title, detail, "only small images fit", "casemate images; casemate rmi IMAGE")
        : Finding.ok(id, title, detail);
  }
}
