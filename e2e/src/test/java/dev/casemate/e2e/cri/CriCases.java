package dev.casemate.e2e.cri;

import dev.casemate.e2e.engine.Containerd;
import dev.casemate.e2e.engine.EngineCases;
import dev.casemate.e2e.engine.RuntimeUnderTest;
import kubernetes.cri.v1.Cri;

/** What the suites of pods share. */
abstract class CriCases implements EngineCases {
  static final int SECONDS = dev.casemate.e2e.engine.Call.TIMEOUT_SECONDS;
  static final boolean VM = RuntimeUnderTest.chosen().hasVm();

  @Override
  public abstract Containerd engine();

  abstract CriClient client();

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
