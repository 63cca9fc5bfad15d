package dev.casemate.e2e.cri;

import dev.casemate.e2e.engine.Containerd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** With the CRI plugin of a newer containerd. */
final class Containerd2PodFailureTest extends PodFailureCases {
  private static Containerd containerd;
  private static CriClient client;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.TWO);
    containerd.start();
    containerd.withImages();
    client = new CriClient(containerd.socket());
  }

  @AfterAll
  static void stop() {
    client.close();
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }

  @Override
  CriClient client() {
    return client;
  }

  @Test
  void aPodWithoutPauseContainerWhoseShimIsKilled() {
    if (VM) {
      endsAsKilled("sandboxed", "containerd-shim");
    }
  }
}
