package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.protocol.cri.LinuxPodSandboxConfig;
import dev.casemate.protocol.cri.PodSandboxConfig;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
class BootTest {
  private static final SandboxPaths PATHS = new SandboxPaths("/run/x", "/var/lib/x");

  private static ShimRecord record() {
    String kernel = directory.resolve("kernel").toString();
    FileContent.write(kernel, new byte[0], 0600);
    return new ShimRecord(
        "s1",
        "k8s.io",
        "pod",
        "/bundle",
        "/s",
        "/c",
        "",
        "",
        false,
        new RuntimeOptions(
            "", "[vm]\nmemory_mib = 256\nkernel = \"K\"\ninitramfs = \"K\"\n".replace("K", kernel)),
        0,
        0);
  }

  @TempDir static Path directory;

  @BeforeAll
  static void createNamespace() {
    NetworkNamespace.create(namespace());
  }

  @AfterAll
  static void destroyNamespace() {
    NetworkNamespace.destroy(namespace());
  }

  private static String namespace() {
    return directory.resolve("netns").toString();
  }

  private static Boot of(PodSandboxConfig pod) {
    return Boot.ofPod(record(), PATHS, pod, namespace(), Map.of());
  }

  @Test
  void aPodWithoutAPauseContainerHasItsSysctls() {
    Boot boot =
        of(
            PodSandboxConfig.builder()
                .hostname("web")
                .linux(
                    LinuxPodSandboxConfig.builder()
                        .putSysctls("kernel.shm_rmid_forced", "1")
                        .putSysctls("net.ipv4.ip_unprivileged_port_start", "80")
                        .build())
                .build());
    assertThat(boot.hostname()).isEqualTo("web");
    assertThat(boot.sysctls())
        .containsOnly(
            Map.entry("kernel.shm_rmid_forced", "1"),
            Map.entry("net.ipv4.ip_unprivileged_port_start", "80"),
            Map.entry("net.ipv4.ping_group_range", "0 2147483647"));
  }

  @Test
  void othersHaveWhatContainerdGivesToPauseContainers() {
    assertThat(of(PodSandboxConfig.builder().build()).sysctls())
        .containsOnly(
            Map.entry("net.ipv4.ip_unprivileged_port_start", "0"),
            Map.entry("net.ipv4.ping_group_range", "0 2147483647"));
  }
}
