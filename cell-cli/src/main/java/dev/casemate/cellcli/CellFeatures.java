package dev.casemate.cellcli;

import dev.casemate.base.Json;
import dev.casemate.base.Release;
import dev.casemate.linux.Capabilities;
import dev.casemate.oci.DefaultSpec;
import java.util.ArrayList;
import java.util.List;

/** What the cell can do, in the form of the runtime-spec's features.md. */
final class CellFeatures {
  static final List<String> MOUNT_OPTIONS =
      List.of(
          "async",
          "atime",
          "bind",
          "defaults",
          "dev",
          "diratime",
          "dirsync",
          "exec",
          "idmap",
          "iversion",
          "lazytime",
          "loud",
          "mand",
          "noatime",
          "nodev",
          "nodiratime",
          "noexec",
          "noiversion",
          "nolazytime",
          "nomand",
          "norelatime",
          "nostrictatime",
          "nosuid",
          "nosymfollow",
          "private",
          "ratime",
          "rbind",
          "rdev",
          "rdiratime",
          "relatime",
          "remount",
          "rexec",
          "ridmap",
          "rnoatime",
          "rnodev",
          "rnodiratime",
          "rnoexec",
          "rnorelatime",
          "rnostrictatime",
          "rnosuid",
          "rnosymfollow",
          "ro",
          "rprivate",
          "rrelatime",
          "rro",
          "rrw",
          "rshared",
          "rslave",
          "rstrictatime",
          "rsuid",
          "rsymfollow",
          "runbindable",
          "rw",
          "shared",
          "silent",
          "slave",
          "strictatime",
          "suid",
          "symfollow",
          "sync",
          "tmpcopyup",
          "unbindable");

  private CellFeatures() {}

  static Json.Obj json() {
    return new Json.Obj()
        .put("ociVersionMin", "1.0.0")
        .put("ociVersionMax", DefaultSpec.OCI_VERSION)
        .putStrings(
            "hooks",
            List.of(
                "prestart",
                "createRuntime",
                "createContainer",
                "startContainer",
                "poststart",
                "poststop"))
        .putStrings("mountOptions", MOUNT_OPTIONS)
        .put("linux", linux())
        .put("annotations", new Json.Obj().put("dev.casemate.version", Release.VERSION));
  }

  private static Json.Obj linux() {
    Json.Obj yes = new Json.Obj().put("enabled", true);
    return new Json.Obj()
        .putStrings(
            "namespaces",
            List.of("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"))
        .putStrings("capabilities", capabilities())
        .put(
            "cgroup",
            new Json.Obj()
                .put("v1", true)
                .put("v2", true)
                .put("systemd", false)
                .put("systemdUser", false)
                .put("rdma", true))
        .put("seccomp", seccomp())
        .put("apparmor", yes)
        .put("selinux", yes)
        .put("intelRdt", new Json.Obj().put("enabled", true).put("schemata", true))
        .put("memoryPolicy", memoryPolicy())
        .put("netDevices", yes)
        .put("mountExtensions", new Json.Obj().put("idmap", yes));
  }

  private static Json.Obj memoryPolicy() {
    return new Json.Obj()
        .putStrings(
            "modes",
            List.of(
                "MPOL_BIND",
                "MPOL_DEFAULT",
                "MPOL_INTERLEAVE",
                "MPOL_LOCAL",
                "MPOL_PREFERRED",
                "MPOL_PREFERRED_MANY",
                "MPOL_WEIGHTED_INTERLEAVE"))
        .putStrings(
            "flags",
            List.of("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"));
  }

  private static List<String> capabilities() {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < Capabilities.count(); i++) {
      names.add(Capabilities.name(i));
    }
    return names;
  }

  private static Json.Obj seccomp() {
    List<String> flags =
        List.of(
            "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_LOG",
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
    return new Json.Obj()
        .put("enabled", true)
        .putStrings(
            "actions",
            List.of(
                "SCMP_ACT_ALLOW",
                "SCMP_ACT_ERRNO",
                "SCMP_ACT_KILL",
                "SCMP_ACT_KILL_PROCESS",
                "SCMP_ACT_KILL_THREAD",
                "SCMP_ACT_LOG",
                "SCMP_ACT_NOTIFY",
                "SCMP_ACT_TRACE",
                "SCMP_ACT_TRAP"))
        .putStrings(
            "operators",
            List.of(
                "SCMP_CMP_EQ",
                "SCMP_CMP_GE",
                "SCMP_CMP_GT",
                "SCMP_CMP_LE",
                "SCMP_CMP_LT",
                "SCMP_CMP_MASKED_EQ",
                "SCMP_CMP_NE"))
        .putStrings("archs", List.of("SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"))
        .putStrings("knownFlags", flags)
        .putStrings("supportedFlags", flags);
  }
}
