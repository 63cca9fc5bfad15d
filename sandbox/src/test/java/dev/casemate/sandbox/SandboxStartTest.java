package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Capability;
import dev.casemate.jail.UserRange;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The start and the end of a sandbox, phase by phase, without a VM and without root. */
class SandboxStartTest {
  private static final String ID = "s1";
  private static final int BOOT_MILLIS = 300;
  private static final JailOptions NO_JAIL = new JailOptions(false, UserRange.DEFAULT, "", false);

  @TempDir Path directory;

  /** Short, as sockets lie below it. */
  private final String run = "/tmp/cs" + Long.toString(System.nanoTime() & 0xffffff, 36);

  private final FakeVmm vmm = new FakeVmm();
  private final List<String> warnings = new CopyOnWriteArrayList<>();
  private Optional<Sandbox> started = Optional.empty();

  @BeforeEach
  void directories() throws Exception {
    Files.createDirectories(Path.of(paths().sandbox(ID)));
  }

  @AfterEach
  void close() {
    started.ifPresent(Sandbox::close);
    FileTree.removeTree(run);
  }

  private SandboxPaths paths() {
    return new SandboxPaths(run, directory + "/state");
  }

  private SandboxConfig config(boolean sharing, int ports, VmSize most, JailOptions jail) {
    VmOptions vm =
        new VmOptions(
            "fake", "tcg", "/kernel", "/initramfs", 256, 1, BOOT_MILLIS, TemplateUse.NEVER);
    return new SandboxConfig(ID, vm, Optional.empty(), sharing, ports, VmSize.of(vm), most, jail);
  }

  private SandboxConfig plain() {
    return config(false, 0, new VmSize(256, 1), NO_JAIL);
  }

  private Sandbox start(SandboxConfig config) {
    Sandbox sandbox =
        new Sandbox(
            paths(),
            config,
            vmm,
            new SandboxListener() {
              @Override
              public void warning(String message) {
                warnings.add(message);
              }
            });
    started = Optional.of(sandbox);
    sandbox.boot("host", _ -> {});
    return sandbox;
  }

  private void refused(SandboxConfig config, Capability missing, String... parts) {
    vmm.capabilities.remove(missing);
    try {
      Sandbox sandbox = start(config);
      assertThatThrownBy(sandbox::awaitBoot)
          .isInstanceOfSatisfying(
              CasemateException.class,
              e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
          .hasMessageContaining("hypervisor \"fake\" cannot " + missing.phrase())
          .hasMessageContainingAll(parts);
      assertThat(vmm.journal).as("nothing is started").isEmpty();
    } finally {
      vmm.capabilities.add(missing);
    }
  }

  @Test
  void aSandboxStartsAndEndsInOrder() {
    Sandbox sandbox = start(plain());
    sandbox.awaitBoot();
    assertThat(sandbox.isReady()).isTrue();
    assertThat(sandbox.describe().text()).contains("\"kernelRelease\":\"6.1\"");
    sandbox.close();
    assertThat(vmm.journal).containsExactly("launch", "CreateSandbox", "DestroySandbox", "close");
    assertThat(sandbox.endCause()).isPresent();
    assertThat(warnings).isEmpty();
  }

  @Test
  void theGuestIsGivenKernelParametersBeforeAnyContainer() {
    Sandbox sandbox = new Sandbox(paths(), plain(), vmm, new SandboxListener() {});
    started = Optional.of(sandbox);
    sandbox.boot("host", vm -> vm.sysctls(Map.of("kernel.shm_rmid_forced", "1")));
    sandbox.awaitBoot();
    assertThat(vmm.created.hostname()).isEqualTo("host");
    assertThat(vmm.created.sysctls()).containsExactly(Map.entry("kernel.shm_rmid_forced", "1"));
  }

  @Test
  void closingTwiceEndsTheGuestOnce() {
    Sandbox sandbox = start(plain());
    sandbox.awaitBoot();
    sandbox.close();
    sandbox.close();
    assertThat(vmm.journal).containsOnlyOnce("DestroySandbox");
  }

  @Test
  void theRecordNamesTheDriver() throws Exception {
    start(plain()).awaitBoot();
    assertThat(Files.readString(Path.of(paths().processes(ID))))
        .contains("\"driver\": \"fake\"", "\"driverState\"");
  }

  @Test
  void aLaunchThatFailsIsToldAndLeavesNoVm() {
    vmm.launchFailure = "no such VMM";
    Sandbox sandbox = start(plain());
    assertThatThrownBy(sandbox::awaitBoot).hasMessage("no such VMM");
    assertThat(sandbox.isReady()).isFalse();
    assertThat(sandbox.vmmPid()).isZero();
    sandbox.close();
    assertThat(vmm.journal).containsExactly("launch");
  }

  @Test
  void aSilentAgentIsATimeoutWithTheConsole() {
    vmm.guest = FakeVmm.Guest.SILENT;
    Sandbox sandbox = start(plain());
    assertThatThrownBy(sandbox::awaitBoot)
        .isInstanceOfSatisfying(
            CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TIMEOUT))
        .hasMessageContaining("did not answer within")
        .hasMessageContaining("| the console");
    vmm.journal.clear();
    sandbox.discard();
    assertThat(vmm.journal).containsExactly("shutdown", "close");
  }

  @Test
  void aGuestThatPanicsIsToldByItsWords() {
    vmm.guest = FakeVmm.Guest.PANICS;
    Sandbox sandbox = start(plain());
    assertThatThrownBy(sandbox::awaitBoot)
        .isInstanceOfSatisfying(
            CasemateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.UNAVAILABLE))
        .hasMessageContaining("Kernel panic - not syncing: a test's");
    sandbox.awaitVmEnd();
    assertThat(sandbox.endCause().orElseThrow()).contains("Kernel panic");
  }

  @Test
  void anEndedSandboxStartsNothing() {
    Sandbox sandbox = start(plain());
    sandbox.awaitBoot();
    sandbox.close();
    vmm.journal.clear();
    assertThatThrownBy(() -> sandbox.vm().launch(_ -> {})).hasMessageContaining("is shutting down");
    assertThat(vmm.journal).isEmpty();
  }

  @Test
  void whatTheDriverCannotDoIsRefusedBeforeTheStart() {
    VmSize size = new VmSize(256, 1);
    refused(config(true, 0, size, NO_JAIL), Capability.SHARE_FILES, "file_sharing = \"none\"");
    refused(config(false, 4, size, NO_JAIL), Capability.PLUG_DISKS, "4 hot-plug ports");
    refused(
        config(false, 0, new VmSize(1024, 1), NO_JAIL), Capability.GROW_MEMORY, "up to 1024 MiB");
    refused(config(false, 0, new VmSize(256, 3), NO_JAIL), Capability.PLUG_VCPUS, "up to 3 vCPUs");
    refused(config(false, 0, size, JailOptions.DEFAULT), Capability.JAIL, "[jail]");
  }

  private static SandboxConfig vsock(SandboxConfig config) {
    VmOptions vm =
        VmOptions.fromJson(config.vm().toJson().put("agentChannel", AgentChannel.VSOCK.word()));
    return new SandboxConfig(config.id(), vm, Optional.empty(), NO_JAIL);
  }

  @Test
  void vsockIsRefusedToADriverAndOnAMachineThatLackIt() {
    refused(vsock(plain()), Capability.VSOCK, "agent channel \"vsock\"");
    if (!Fs.exists("/dev/vhost-vsock")) {
      Sandbox sandbox = start(vsock(plain()));
      assertThatThrownBy(sandbox::awaitBoot)
          .isInstanceOfSatisfying(
              CasemateException.class,
              e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
          .hasMessageContaining("/dev/vhost-vsock cannot be opened")
          .hasMessageContaining("modprobe vhost_vsock");
      assertThat(vmm.journal).doesNotContain("launch");
    }
  }

  @Test
  void aDriverThatCanDoNothingMoreRunsAPlainVm() {
    vmm.capabilities.clear();
    start(plain()).awaitBoot();
    assertThat(vmm.journal).startsWith("launch", "CreateSandbox");
  }

  @Test
  void aSandboxOfAnUnknownDriverIsRefused() {
    assertThatThrownBy(() -> new Sandbox(paths(), plain(), new SandboxListener() {}))
        .hasMessageContaining("hypervisor \"fake\" is unknown; this build has: qemu");
  }
}
