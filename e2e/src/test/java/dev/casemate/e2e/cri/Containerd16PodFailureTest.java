package dev.casemate.e2e.cri;

import dev.casemate.e2e.engine.Containerd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** With the CRI plugin of Debian 12's containerd. */
final class Containerd16PodFailureTest extends PodFailureCases {
  private static Containerd containerd;
  private static CriClient client;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.ONE_SIX);
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
}
