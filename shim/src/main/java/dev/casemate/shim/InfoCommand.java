package dev.casemate.shim;

import dev.casemate.base.Json;
import dev.casemate.base.Release;
import dev.casemate.protocol.containerd.RuntimeInfo;
import dev.casemate.protocol.containerd.RuntimeVersion;
import dev.casemate.protocol.google.Any;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code -info}: what containerd 2 asks a shim about itself. */
final class InfoCommand {
  private static final String FEATURES_TYPE =
      "types.containerd.io/opencontainers/runtime-spec/1/features/Features";

  private InfoCommand() {}

  static byte[] run() {
    return RuntimeInfo.builder()
        .name("io.containerd.casemate.v2")
        .version(RuntimeVersion.builder().version(Release.VERSION).build())
        .features(
            Any.builder()
                .typeUrl(FEATURES_TYPE)
                .value(features().text().getBytes(StandardCharsets.UTF_8))
                .build())
        .build()
        .encode();
  }

  /** The runtime specification's features document. */
  private static Json.Obj features() {
    return new Json.Obj()
        .put("ociVersionMin", "1.0.0")
        .put("ociVersionMax", "1.2.0")
        .putStrings(
            "hooks",
            List.of(
                "prestart",
                "createRuntime",
                "createContainer",
                "startContainer",
                "poststart",
                "poststop"))
        .putStrings(
            "mountOptions",
            List.of(
                "bind",
                "rbind",
                "ro",
                "rro",
                "rw",
                "nosuid",
                "nodev",
                "noexec",
                "noatime",
                "relatime",
                "private",
                "rprivate",
                "slave",
                "rslave",
                "idmap",
                "ridmap"))
        .put(
            "linux",
            new Json.Obj()
                .putStrings(
                    "namespaces",
                    List.of("cgroup", "ipc", "mount", "network", "pid", "user", "uts"))
                .put(
                    "mountExtensions",
                    new Json.Obj().put("idmap", new Json.Obj().put("enabled", true)))
                .put("cgroup", new Json.Obj().put("v1", false).put("v2", true))
                .put("seccomp", new Json.Obj().put("enabled", true))
                .put("apparmor", new Json.Obj().put("enabled", false))
                .put("selinux", new Json.Obj().put("enabled", false)));
  }
}
