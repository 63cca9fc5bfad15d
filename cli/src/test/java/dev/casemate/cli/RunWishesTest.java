package dev.casemate.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.commandline.Arguments;
import dev.casemate.commandline.Dialect;
import dev.casemate.containers.Casemate;
import dev.casemate.containers.ContainerBuilder;
import dev.casemate.containers.ContainerConfig;
import dev.casemate.containers.PreparedContainer;
import dev.casemate.containers.RootFs;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.ProcessSpec.Rlimit;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.AgentChannel;
import dev.casemate.sandbox.SandboxPaths;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every option of {@code casemate run}: default, range, error. No VM, no root. */
class RunWishesTest {
  @TempDir Path directory;
  private String root = "";
  private String kernel = "";

  @BeforeEach
  void files() throws Exception {
    root = Files.createDirectory(directory.resolve("root")).toString();
    kernel = Files.createFile(directory.resolve("kernel")).toString();
  }

  private PreparedContainer run(String... words) {
    List<String> all = new ArrayList<>(List.of("--kernel", kernel, "--initramfs", kernel));
    all.addAll(List.of(words));
    Arguments arguments = Arguments.parse(Dialect.GNU, RunOptions.ALL, false, all);
    // The path of sockets, of which none is made here, must be short.
    SandboxPaths paths = new SandboxPaths("/tmp/none", directory.toString());
    try (Casemate casemate = Casemate.open(paths)) {
      ContainerBuilder builder = casemate.container("rootfs:" + root);
      List<String> command =
          arguments.operands().isEmpty() ? List.of("true") : arguments.operands();
      RunWishes.tell(builder, arguments, command);
      return builder.prepare();
    }
  }

  private ContainerConfig config(String... words) {
    return run(words).config();
  }

  private Spec spec(String... words) {
    return run(words).spec();
  }

  private ProcessSpec process(String... words) {
    return spec(words).process().orElseThrow();
  }

  @Test
  void whatIsNotSaidHasItsDefault() {
    PreparedContainer plain = run();
    ContainerConfig config = plain.config();
    assertThat(config.id()).matches("[0-9a-f]{64}");
    assertThat(config.name()).matches("[a-z]+-[a-z]+-[0-9a-f]{4}");
    assertThat(config.command()).containsExactly("true");
    assertThat(config.terminal()).isFalse();
    assertThat(config.autoRemove()).isFalse();
    assertThat(config.rootfs()).isEqualTo(new RootFs.Directory(root));
    assertThat(config.network()).isEqualTo("none");
    assertThat(config.stopSignal()).isEqualTo("TERM");
    assertThat(config.stopTimeoutSeconds()).isEqualTo(10);
    assertThat(config.scratchMib()).isEqualTo(10_240);
    assertThat(config.labels()).isEmpty();
    assertThat(config.vm().memoryMib()).isEqualTo(1024);
    assertThat(config.vm().vcpus()).isEqualTo(1);
    assertThat(config.vm().hypervisor()).isEqualTo("qemu");
    assertThat(config.vm().accelerator()).isEqualTo("auto");
    assertThat(config.vm().agentChannel()).isEqualTo(AgentChannel.SERIAL);
    assertThat(config.vm().bootTimeoutMillis()).isEqualTo(60_000);
    Spec spec = plain.spec();
    assertThat(spec.hostname()).isEqualTo(config.id().substring(0, 12));
    assertThat(spec.root().readonly()).isFalse();
    assertThat(spec.linux().resources().pidsLimit()).contains(4096L);
    assertThat(spec.linux().resources().cpu().quota()).isEmpty();
    assertThat(spec.linux().seccomp()).isPresent();
    ProcessSpec process = spec.process().orElseThrow();
    assertThat(process.cwd()).isEqualTo("/");
    assertThat(process.user().username()).isEmpty();
    assertThat(process.noNewPrivileges()).isTrue();
    assertThat(process.capabilities().orElseThrow().bounding()).hasSize(14);
    assertThat(process.env()).contains("HOSTNAME=" + spec.hostname());
  }

  @Test
  void theRecordHasWhatWasSaid() {
    ContainerConfig config =
        config(
            "-t",
            "--rm",
            "--name",
            "n",
            "-l",
            "a=b",
            "-l",
            "c",
            "--dns",
            "10.0.0.1",
            "-p",
            "80:8080",
            "-m",
            "256m",
            "--cpus",
            "1.5",
            "--scratch",
            "64m",
            "--stop-signal",
            "QUIT",
            "--stop-timeout",
            "3",
            "--boot-timeout",
            "7",
            "--accel",
            "tcg",
            "--agent-channel",
            "vsock",
            "--hypervisor",
            "qemu");
    assertThat(config.terminal()).isTrue();
    assertThat(config.autoRemove()).isTrue();
    assertThat(config.name()).isEqualTo("n");
    assertThat(config.labels()).containsEntry("a", "b").containsEntry("c", "").hasSize(2);
    assertThat(config.dns()).containsExactly("10.0.0.1");
    assertThat(config.publish()).containsExactly("80:8080");
    assertThat(config.network()).as("network by publish").isEqualTo("bridge");
    assertThat(config.vm().memoryMib()).isEqualTo(256);
    assertThat(config.vm().vcpus()).isEqualTo(2);
    assertThat(config.scratchMib()).isEqualTo(64);
    assertThat(config.stopSignal()).isEqualTo("QUIT");
    assertThat(config.stopTimeoutSeconds()).isEqualTo(3);
    assertThat(config.vm().bootTimeoutMillis()).isEqualTo(7_000);
    assertThat(config.vm().accelerator()).isEqualTo("tcg");
    assertThat(config.vm().agentChannel()).isEqualTo(AgentChannel.VSOCK);
    assertThat(ContainerConfig.fromJson(config.toJson())).isEqualTo(config);
  }

  @Test
  void aUserMayBindEveryPortUnlessToldOtherwise() {
    assertThat(spec().linux().sysctl())
        .containsEntry("net.ipv4.ip_unprivileged_port_start", "0")
        .containsEntry("net.ipv4.ping_group_range", "0 2147483647");
    assertThat(spec("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024").linux().sysctl())
        .containsEntry("net.ipv4.ip_unprivileged_port_start", "1024");
  }

  @Test
  void groupsAreForTheGuestToLookUp() {
    assertThat(process("-u", ":4321").user().username()).isEqualTo(":4321");
    assertThat(process("-u", "7", "--group-add", "audio", "--group-add", "9").user().username())
        .isEqualTo("7::audio,9");
    assertThat(process("-u", "a:b", "--group-add", "c").user().username()).isEqualTo("a:b:c");
    assertThatThrownBy(() -> run("-u", "a:b:c")).hasMessageContaining("\"a:b:c\" is not USER");
    assertThatThrownBy(() -> run("--group-add", "a,b")).hasMessageContaining("--group-add");
  }

  @Test
  void aPrivilegedContainerHasAllOfItsVm() {
    Spec spec = spec("--privileged");
    ProcessSpec process = spec.process().orElseThrow();
    assertThat(process.capabilities().orElseThrow().bounding()).hasSizeGreaterThan(40);
    assertThat(process.noNewPrivileges()).isFalse();
    assertThat(spec.linux().seccomp()).isEmpty();
    assertThat(spec.linux().maskedPaths()).isEmpty();
    assertThat(spec.linux().readonlyPaths()).isEmpty();
    assertThat(spec.linux().resources().devices()).singleElement().matches(rule -> rule.allow());
    for (MountSpec mount : spec.mounts()) {
      assertThat(mount.options()).as(mount.destination()).doesNotContain("ro");
    }
    assertThat(process("--privileged", "--cap-drop", "SYS_ADMIN").capabilities().orElseThrow())
        .matches(sets -> !sets.bounding().contains("CAP_SYS_ADMIN"));
    assertThat(process("--privileged", "--security-opt", "no-new-privileges").noNewPrivileges())
        .isTrue();
  }

  @Test
  void systemdFindsAContainerThatItCanRun() {
    Spec spec = spec("/sbin/init");
    assertThat(spec.process().orElseThrow().env()).contains("container=casemate");
    assertThat(spec.mounts()).extracting(MountSpec::destination).contains("/run", "/run/lock");
    assertThat(config("--privileged", "/sbin/init").stopSignal()).isEqualTo("RTMIN+3");
    assertThat(config("--stop-signal", "INT", "/sbin/init").stopSignal()).isEqualTo("INT");
  }

  @Test
  void theSpecHasWhatWasSaid() throws Exception {
    Path variables = Files.writeString(directory.resolve("env"), "# no\n\nF=file\nA=file\n");
    Spec spec =
        spec(
            "-h",
            "box",
            "-e",
            "A=user",
            "--env-file",
            variables.toString(),
            "-w",
            "/w",
            "-u",
            "7:5",
            "--read-only",
            "--pids-limit",
            "-1",
            "--cpus",
            "0.5",
            "--sysctl",
            "net.a=1",
            "--ulimit",
            "nofile=10:20",
            "--tmpfs",
            "/t:size=1m",
            "-v",
            root + ":/x:ro",
            "--entrypoint",
            "sh",
            "--security-opt",
            "no-new-privileges=false",
            "--security-opt",
            "seccomp=unconfined",
            "--cap-drop",
            "ALL",
            "--cap-add",
            "net_admin",
            "-t",
            "--",
            "-c",
            "exit");
    ProcessSpec process = spec.process().orElseThrow();
    assertThat(spec.hostname()).isEqualTo("box");
    assertThat(process.args()).containsExactly("sh", "-c", "exit");
    assertThat(process.env()).contains("A=user", "F=file", "HOSTNAME=box", "TERM=xterm");
    assertThat(process.cwd()).isEqualTo("/w");
    assertThat(process.user().username()).isEqualTo("7:5");
    assertThat(process.noNewPrivileges()).isFalse();
    assertThat(process.capabilities().orElseThrow().effective()).containsExactly("CAP_NET_ADMIN");
    assertThat(process.rlimits()).containsExactly(new Rlimit("RLIMIT_NOFILE", 10, 20));
    assertThat(spec.root().readonly()).isTrue();
    assertThat(spec.linux().seccomp()).isEmpty();
    assertThat(spec.linux().sysctl()).containsEntry("net.a", "1");
    assertThat(spec.linux().resources().pidsLimit()).isEmpty();
    assertThat(spec.linux().resources().cpu().quota()).contains(50_000L);
    List<MountSpec> mounts = spec.mounts();
    assertThat(mounts.get(mounts.size() - 2))
        .isEqualTo(MountSpec.of("/t", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", "size=1m"));
    assertThat(mounts.getLast())
        .isEqualTo(MountSpec.of("/x", "bind", root, "rbind", "rprivate", "ro"));
    assertThat(Spec.parse(spec.toJson().text())).as("as config.json says it").isEqualTo(spec);
  }

  @Test
  void aVariableWithoutValueIsOurs() {
    assertThat(process("-e", "PATH").env()).contains("PATH=" + System.getenv("PATH"));
    assertThat(process("-e", "NO_SUCH_VARIABLE").env()).noneMatch(v -> v.startsWith("NO_SUCH"));
  }

  @Test
  void theEndsOfTheRangesAreInside() {
    assertThat(config("-m", "112m").vm().memoryMib()).isEqualTo(112);
    assertThat(config("-m", "1t").vm().memoryMib()).isEqualTo(1 << 20);
    assertThat(config("--cpus", "0.01").vm().vcpus()).isEqualTo(1);
    assertThat(config("--cpus", "255").vm().vcpus()).isEqualTo(255);
    assertThat(config("--scratch", "0").scratchMib()).isZero();
    assertThat(config("--scratch", "16m").scratchMib()).isEqualTo(16);
    assertThat(config("--stop-timeout", "0").stopTimeoutSeconds()).isZero();
    assertThat(config("--network", "bridge").network()).isEqualTo("bridge");
    assertThat(config("-h", "x".repeat(64)).network()).isEqualTo("none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "-m|111m|invalid value \"111m\" for --memory|at least 112 MiB",
        "-m|2t|invalid value \"2t\" for --memory|at most 1024 GiB",
        "-m|much|invalid value \"much\" for --memory|such as 256m",
        "--cpus|0|invalid value \"0\" for --cpus|0.01 to 255",
        "--cpus|256|invalid value \"256\" for --cpus|0.01 to 255",
        "--cpus|NaN|invalid value \"NaN\" for --cpus|0.01 to 255",
        "--cpus|none|invalid value \"none\" for --cpus|0.01 to 255",
        "--pids-limit|-2|invalid value \"-2\" for --pids-limit|from -1 to 4194304",
        "--scratch|15m|invalid value \"15m\" for --scratch|16m to 16t",
        "--scratch|1k|invalid value \"1k\" for --scratch|16m to 16t",
        "--scratch|17t|invalid value|16m to 16t",
        "--stop-timeout|-1|invalid value \"-1\" for --stop-timeout|from 0 to 86400",
        "--boot-timeout|0|invalid value \"0\" for --boot-timeout|from 1 to 3600",
        "--accel|xen|invalid value \"xen\" for --accel|auto, kvm or tcg",
        "--agent-channel|pipe|invalid value \"pipe\" for --agent-channel|serial, vsock",
        "--hypervisor|bochs|invalid value \"bochs\" for --hypervisor|qemu",
        "--rootfs|nfs|invalid value \"nfs\" for --rootfs|erofs or virtiofs",
        "--network|host|invalid value \"host\" for --network|none or bridge (a VM cannot share",
        "--pull|often|invalid value \"often\" for --pull|missing, always or never",
        "--stop-signal|BANG|invalid value \"BANG\" for --stop-signal|a signal name such as TERM",
        "--hostname|a b|invalid value \"a b\" for --hostname|1 to 64 bytes",
        "--workdir|w|invalid value \"w\" for --workdir|absolute path",
        "--volume|data:/x|volume \"data:/x\"|HOST:GUEST[:ro]",
        "--volume|/no/such:/x|\"/no/such:/x\" does not exist|create it first",
        "--volume|/tmp:/x:rx|volume \"/tmp:/x:rx\" has unknown option \"rx\"|use ro or rw",
        "--tmpfs|t|mount point \"t\"|absolute path",
        "--ulimit|nofile|resource limit \"nofile\"|NAME=SOFT[:HARD]",
        "--sysctl|x|kernel parameter \"x\"|NAME=VALUE",
        "--env|=x|variable \"=x\" has no name|write NAME=VALUE",
        "--env-file|/no/such|option --env-file|/no/such",
        "--security-opt|label=off|security option \"label=off\" is unknown|use seccomp=unconfined",
        "--security-opt|seccomp=/no/such|option --security-opt seccomp|/no/such",
        "--cap-add|FLY|capability \"FLY\" is unknown|capabilities(7)",
        "--cap-drop|FLY|capability \"FLY\" is unknown|capabilities(7)",
        "--kernel|/no/kernel|kernel /no/kernel does not exist|correct --kernel",
        "--initramfs|/no/initramfs|initramfs /no/initramfs does not exist|correct --initramfs",
        "--publish|eighty|eighty|",
      })
  void refusesWhatCannotBe(String option, String value, String named, String remedy) {
    assertThatThrownBy(() -> run(option, value))
        .hasMessageContaining(named)
        .hasMessageContaining(remedy == null ? "" : remedy);
  }

  @Test
  void refusesWhatContradictsItself() {
    assertThatThrownBy(() -> run("-p", "80", "--network", "none"))
        .hasMessageContaining("--publish requires --network bridge");
    assertThatThrownBy(() -> run("--kernel", "", "--guest", "other"))
        .hasMessageContaining("guest \"other\" has not been built")
        .hasMessageContaining("casemate guest build --name other");
  }
}
