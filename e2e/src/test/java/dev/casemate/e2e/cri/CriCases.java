package dev.casemate.e2e.cri;

import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.EngineCases;
import dev.casemate.e2e.engine.RuntimeUnderTest;
import kubernetes.cri.v1.Cri;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** What the suites of pods share; they run once with the CRI plugin of each chosen containerd. */
@ParameterizedClass(name = "{0}")
@MethodSource("dev.casemate.e2e.engine.Containerd$Line#chosen")
abstract class CriCases implements EngineCases {
  static final int SECONDS = dev.casemate.e2e.engine.Call.TIMEOUT_SECONDS;
  static final boolean VM = RuntimeUnderTest.chosen().hasVm();

  private static Containerd containerd;
  private static CriClient client;

  /** JUnit hands to {@code start} only what there is a field for. */
  @Parameter Containerd.Line line;

  @BeforeParameterizedClassInvocation
  static void start(Containerd.Line line) {
    containerd = new Containerd(line);
    containerd.start();
    containerd.withImages();
    client = new CriClient(containerd.socket());
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    client.close();
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  static CriClient client() {
    return client;
  }

  @Override
  public void removeContainers() {
    for (Cri.PodSandbox pod :
        client()
            .runtime()
            .listPodSandbox(Cri.ListPodSandboxRequest.getDefaultInstance())
            .getItemsList()) {
      client()
          .runtime()
          .stopPodSandbox(
              Cri.StopPodSandboxRequest.newBuilder().setPodSandboxId(pod.getId()).build());
      client()
          .runtime()
          .removePodSandbox(
              Cri.RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod.getId()).build());
    }
  }
}
