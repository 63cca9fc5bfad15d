package dev.casemate.containers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Processes;
import dev.casemate.oci.Spec;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.TemplateUse;
import dev.casemate.sandbox.VmOptions;
import dev.casemate.testsupport.Wait;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records and locks around a sandbox process that does not do its work. */
class SandboxLauncherTest {
  private static final String RUN = "/tmp/l" + Processes.currentPid();
  private static final VmOptions VM =
      new VmOptions("qemu", "tcg", "/k", "/i", 256, 1, 1000, TemplateUse.NEVER);

  @TempDir Path state;
  private ContainerStore store = new ContainerStore(new SandboxPaths(RUN, "/tmp/none"));

  @BeforeEach
  void places() {
    store = new ContainerStore(new SandboxPaths(RUN, state.toString()));
  }

  @AfterEach
  void away() {
    FileTree.removeTree(RUN);
  }

  private static ContainerConfig config(String name) {
    return ContainerConfig.builder(Machine.randomHex(32), name, new RootFs.Erofs("/x"), VM).build();
  }

  private void launch(String executable, ContainerConfig config) {
    SandboxLauncher.create(store, executable).launch(config, Spec.EMPTY, 0).close();
  }

  @Test
  void leavesNothingOfASandboxWhoseProcessCannotBeStarted() {
    ContainerConfig config = config("a");
    assertThatThrownBy(() -> launch("/no/such/casemate", config))
        .hasMessageContaining("/no/such/casemate");
    assertThat(store.list()).isEmpty();
    assertThat(Fs.exists(store.paths().sandbox(config.id()))).isFalse();
    assertThat(Fs.exists(store.paths().names() + "/a")).isFalse();
  }

  @Test
  void buriesASandboxWhoseProcessEndsAtOnce() throws Exception {
    ContainerConfig config = config("b");
    try {
      launch("/bin/true", config);
    } catch (CasemateException e) {
      // It was quicker than the connection to it.
      assertThat(e.kind()).isEqualTo(CasemateException.Kind.FAILED_PRECONDITION);
    }
    Wait.until(10, "the sandbox process's end", () -> !store.isOwned(config.id()));
    ContainerState state = store.load(config.id()).orElseThrow().state();
    assertThat(state.phase()).isEqualTo(ContainerState.Phase.EXITED);
    assertThat(state.exitCode()).isEqualTo(255);
    assertThat(state.error()).contains("without an error message");
    assertThat(Fs.exists(store.paths().sandbox(config.id()))).isFalse();
  }

  @Test
  void aTakenNameLeavesNothingOfTheSecond() {
    store.create(config("c"), Spec.EMPTY);
    ContainerConfig second = config("c");
    assertThatThrownBy(() -> launch("/bin/true", second)).hasMessageContaining("is in use");
    assertThat(store.load(second.id())).isEmpty();
    assertThat(Fs.exists(store.paths().sandbox(second.id()))).isFalse();
  }
}
