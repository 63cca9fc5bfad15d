package dev.casemate.ocicli;

import dev.casemate.linux.FileSystem;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.HooksSpec;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.LinuxSpec.Namespace;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.ProcessSpec.Capabilities;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Resources.DeviceRule;
import dev.casemate.oci.RootSpec;
import dev.casemate.oci.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@code spec} writes: runc's example, a shell with a terminal in a read-only root. */
final class ExampleSpec {
  private static final List<String> CAPABILITIES =
      List.of("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE");
  private static final long OPEN_FILES = 1024;
  private static final long CGROUP2_MAGIC = 0x63677270L;

  private ExampleSpec() {}

  static Spec root() {
    List<MountSpec> mounts = new ArrayList<>(DefaultSpec.mounts(64L << 20));
    return spec(
        mounts,
        namespaces("pid", "network", "ipc", "uts", "mount"),
        List.of(),
        List.of(),
        resources());
  }

  /** With a user namespace in which the caller is root; the host's network and /sys. */
  static Spec rootless(int uid, int gid) {
    List<MountSpec> mounts = new ArrayList<>();
    for (MountSpec mount : DefaultSpec.mounts(64L << 20)) {
      switch (mount.destination()) {
        // Group 5 is not mapped.
        case "/dev/pts" ->
            mounts.add(
                MountSpec.of(
                    "/dev/pts",
                    "devpts",
                    "devpts",
                    "nosuid",
                    "noexec",
                    "newinstance",
                    "ptmxmode=0666",
                    "mode=0620"));
        // A new sysfs wants a network namespace of its own.
        case "/sys" ->
            mounts.add(
                MountSpec.of("/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", "ro"));
        default -> mounts.add(mount);
      }
    }
    return spec(
        mounts,
        namespaces("pid", "ipc", "uts", "mount", "user"),
        List.of(new IdMapping(0, uid, 1)),
        List.of(new IdMapping(0, gid, 1)),
        Resources.NONE);
  }

  /**
   * The namespaces, and one of control groups where these are of version 2: as runc has it, because
   * engines and criu do with version 1 what they have always done.
   */
  private static List<String> namespaces(String... types) {
    List<String> all = new ArrayList<>(List.of(types));
    if (isUnified()) {
      all.add("cgroup");
    }
    return all;
  }

  private static boolean isUnified() {
    try {
      return FileSystem.of("/sys/fs/cgroup").type() == CGROUP2_MAGIC;
    } catch (LinuxException e) {
      return false;
    }
  }

  private static Resources resources() {
    return Resources.NONE.withDevices(
        List.of(new DeviceRule(false, "", Optional.empty(), Optional.empty(), "rwm")));
  }

  private static Spec spec(
      List<MountSpec> mounts,
      List<String> namespaces,
      List<IdMapping> uids,
      List<IdMapping> gids,
      Resources resources) {
    ProcessSpec process =
        ProcessSpec.of(List.of("sh"), List.of("PATH=" + DefaultSpec.PATH, "TERM=xterm"), "/")
            .withTerminal(true, Optional.empty())
            .withCapabilities(
                new Capabilities(CAPABILITIES, CAPABILITIES, List.of(), CAPABILITIES, List.of()))
            .withRlimits(List.of(new ProcessSpec.Rlimit("RLIMIT_NOFILE", OPEN_FILES, OPEN_FILES)))
            .withNoNewPrivileges(true);
    List<Namespace> made = new ArrayList<>();
    for (String type : namespaces) {
      made.add(new Namespace(type, ""));
    }
    LinuxSpec linux =
        LinuxSpec.EMPTY
            .withNamespaces(made)
            .withUidMappings(uids)
            .withGidMappings(gids)
            .withResources(resources)
            .withMaskedPaths(DefaultSpec.MASKED_PATHS)
            .withReadonlyPaths(DefaultSpec.READONLY_PATHS);
    return new Spec(
        DefaultSpec.OCI_VERSION,
        Optional.of(process),
        new RootSpec("rootfs", true),
        "casemate",
        "",
        mounts,
        HooksSpec.NONE,
        Map.of(),
        linux);
  }
}
