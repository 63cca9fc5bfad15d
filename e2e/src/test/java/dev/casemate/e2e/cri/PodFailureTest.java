package dev.casemate.e2e.cri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.casemate.e2e.engine.Containerd;
import dev.casemate.testsupport.Wait;
import java.util.List;
import kubernetes.cri.v1.Cri;
import org.junit.jupiter.api.Test;

/** Pods of several containers under which something dies: kubelet can always be rid of them. */
final class PodFailureTest extends CriCases {
  /** As docs/containerd.md has it, with what looking takes on a busy machine. */
  private static final int END_SECONDS = 8;

  private static final int REMOVAL_SECONDS = 15;

  private void endsAsKilled(String handler, String program) {
    Pod pod = new Pod(client(), handler, config -> {});
    String first = pod.start("one", "sleep", "1000");
    String second = pod.start("two", "sleep", "1000");
    String over = pod.start("three", "sh", "-c", "exit 3");
    pod.awaitExit(over, 3);
    long begin = System.nanoTime();
    engine().killAll(program);
    for (String container : List.of(first, second)) {
      Wait.until(
          SECONDS,
          () -> "the end of " + pod.status(container),
          () -> pod.status(container).getState() == Cri.ContainerState.CONTAINER_EXITED);
      assertThat(pod.status(container).getExitCode()).isIn(137, 255);
    }
    assertThat(pod.status(over).getExitCode()).isEqualTo(3);
    Wait.until(
        SECONDS,
        () -> "the pod not to be ready: " + pod.status(),
        () -> pod.status().getState() == Cri.PodSandboxState.SANDBOX_NOTREADY);
    assertThat((System.nanoTime() - begin) / 1e9).as("seconds to the end").isLessThan(END_SECONDS);
    begin = System.nanoTime();
    pod.close();
    assertThat((System.nanoTime() - begin) / 1e9)
        .as("seconds to stop and remove the pod")
        .isLessThan(REMOVAL_SECONDS);
  }

  private static void assumeVm() {
    assumeThat(VM).isTrue();
  }

  @Test
  void aPodWhoseVmDies() {
    assumeVm();
    endsAsKilled("", "qemu-system");
  }

  @Test
  void aPodWhoseShimIsKilled() {
    assumeVm();
    endsAsKilled("", "containerd-shim");
  }

  @Test
  void aPodWithoutPauseContainerWhoseShimIsKilled() {
    if (line == Containerd.Line.ONE_SIX) {
      // It knows no such pods.
      assertThatThrownBy(() -> new Pod(client(), "sandboxed", pod -> {}).close())
          .hasMessageContaining("sandbox");
    } else if (VM) {
      endsAsKilled("sandboxed", "containerd-shim");
    }
  }

  @Test
  void aPodWhoseFileSharingDies() {
    assumeVm();
    endsAsKilled("", "virtiofsd");
  }

  /** Terminating does not hang. */
  @Test
  void aPodWhoseVmStandsStill() {
    assumeVm();
    Pod pod = new Pod(client());
    pod.start("one", "sleep", "1000");
    pod.start("two", "sleep", "1000");
    engine().stopAll("qemu-system");
    long begin = System.nanoTime();
    pod.close();
    assertThat((System.nanoTime() - begin) / 1e9)
        .as("seconds to stop and remove the pod")
        .isLessThan(2 * REMOVAL_SECONDS);
  }
}
