package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.jail.UserRange;
import dev.casemate.network.NetworkModel;
import dev.casemate.sandbox.AgentChannel;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RuntimeConfigTest {
  private static final SandboxPaths PATHS = new SandboxPaths("/run/x", "/var/lib/x");

  private static RuntimeConfig parse(String text) {
    return RuntimeConfig.parse("test.toml", text, PATHS);
  }

  @Test
  void hasDefaultsForEverything() {
    RuntimeConfig config = parse("");

    assertThat(config.kernel()).isEqualTo("/var/lib/x/guest/default/vmlinux");
    assertThat(config.memoryMib()).isEqualTo(512);
    assertThat(config.vcpus()).isEqualTo(1);
    assertThat(config.networkModel()).isEqualTo(NetworkModel.TCFILTER);
    assertThat(config.allowedAnnotations()).isEmpty();
  }

  @Test
  void readsEveryKey() {
    RuntimeConfig config =
        parse(
            """
            # a node's
            [vm]
            guest = 'lean'        # literal
            initramfs = "/x/i\\"n"
            accelerator = "tcg"
            memory_mib = 1_024
            max_memory_mib = 4096
            vcpus = 2
            max_vcpus = 4
            boot_timeout_seconds = 90
            agent_channel = "vsock"

            [network]
            model = "macvtap"
            [shim]
            debug = true
            cgroup = "/casemate"
            [annotations]
            allowed = [
              "memory_mib",   # most wanted
              "vcpus",
            ]
            """);

    assertThat(config.kernel()).isEqualTo("/var/lib/x/guest/lean/vmlinux");
    assertThat(config.initramfs()).isEqualTo("/x/i\"n");
    assertThat(config.accelerator()).isEqualTo("tcg");
    assertThat(config.memoryMib()).isEqualTo(1024);
    assertThat(config.maxMemoryMib()).isEqualTo(4096);
    assertThat(config.vcpus()).isEqualTo(2);
    assertThat(config.maxVcpus()).isEqualTo(4);
    assertThat(config.bootTimeoutSeconds()).isEqualTo(90);
    assertThat(config.agentChannel()).isEqualTo(AgentChannel.VSOCK);
    assertThat(config.networkModel()).isEqualTo(NetworkModel.MACVTAP);
    assertThat(config.debug()).isTrue();
    assertThat(config.cgroup()).isEqualTo("/casemate");
    assertThat(config.allowedAnnotations()).containsExactly("memory_mib", "vcpus");
  }

  @Test
  void theJailIsOnUnlessItIsSwitchedOffAndItsUsersMove() {
    assertThat(parse("").jail().enabled()).isTrue();
    assertThat(parse("").jail().users()).isEqualTo(new UserRange(1_900_000_000, 65_536));
    RuntimeConfig config = parse("[jail]\nenabled = false\nusers = \"3000000:16\"\n");
    assertThat(config.jail().enabled()).isFalse();
    assertThat(config.jail().users()).isEqualTo(new UserRange(3_000_000, 16));
    assertThatThrownBy(() -> parse("[jail]\nusers = \"nobody\"\n")).hasMessageContaining("nobody");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[vm]\nmemory = 5",
        "[vm]\nmemory_mib = \"5\"",
        "[vm]\nmemory_mib = 5",
        "[vm]\naccelerator = \"warp\"",
        "[vm]\nagent_channel = \"pipe\"",
        "[vm\nvcpus = 1",
        "[vm]\nvcpus 1",
        "[vm]\nvcpus = 1 2",
        "[vm]\nvcpus = 1\nvcpus = 2",
        "[vm]\nguest = \"x",
        "[annotations]\nallowed = [1]",
        "[annotations]\nkernel_paths = [\"vmlinux\"]",
        "[annotations]\nkernel_paths = [\"/boot/../etc/*\"]",
        "[annotations]\ninitramfs_paths = [\"/boot/[a-z]\"]",
        "[annotations]\nallowed = [\"a\" \"b\"]",
        "[network]\nmodel = \"pigeon\"",
      })
  void refusesWhatIsWrongAndSaysWhere(String text) {
    assertThatThrownBy(() -> parse(text))
        .isInstanceOfSatisfying(
            CasemateException.class,
            e -> assertThat(e.kind()).isEqualTo(CasemateException.Kind.INVALID_ARGUMENT));
  }

  @Test
  void anEnginesOwnFileMustBeThere(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("c.toml");
    Files.writeString(file, "[vm]\nvcpus = 3\n");

    assertThat(RuntimeConfig.load(new RuntimeOptions(file.toString(), ""), PATHS).vcpus())
        .isEqualTo(3);
    assertThat(RuntimeConfig.load(new RuntimeOptions("", "[vm]\nvcpus = 4"), PATHS).vcpus())
        .isEqualTo(4);
    assertThatThrownBy(
            () -> RuntimeConfig.load(new RuntimeOptions(directory + "/none.toml", ""), PATHS))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("none.toml");
  }

  @Test
  void annotationsChangeWhatIsAllowed() {
    RuntimeConfig config = parse("[annotations]\nallowed = [\"memory_mib\", \"vcpus\"]");

    RuntimeConfig changed =
        Annotations.apply(
            config,
            Map.of(
                "dev.casemate.memory_mib",
                "2048",
                "io.katacontainers.config.hypervisor.default_vcpus",
                "3",
                "io.kubernetes.cri.container-type",
                "sandbox"));

    assertThat(changed.memoryMib()).isEqualTo(2048);
    assertThat(changed.vcpus()).isEqualTo(3);
  }

  @Test
  void annotationsThatAreNotAllowedAreErrors() {
    RuntimeConfig config = parse("[annotations]\nallowed = [\"vcpus\"]\n[vm]\nmax_vcpus = 2");

    for (Map<String, String> wrong :
        List.of(
            Map.of("dev.casemate.kernel", "/evil"),
            Map.of("io.katacontainers.config.hypervisor.kernel", "/evil"),
            Map.of("dev.casemate.vcpus", "3"),
            Map.of("dev.casemate.vcpus", "many"),
            Map.of("dev.casemate.nonsense", "1"))) {
      assertThatThrownBy(() -> Annotations.apply(config, wrong))
          .as("%s", wrong)
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining(wrong.keySet().iterator().next());
    }
  }
}
