package dev.casemate.e2e.containerd;

import dev.casemate.e2e.engine.Containerd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Suites that run once, with the newest containerd. It has no images: {@link Containerd#withImages}
 * brings them.
 */
abstract class NewestLineCases extends ContainerdCases {
  private static Containerd containerd;

  @BeforeAll
  static void startContainerd() {
    containerd = new Containerd(Containerd.Line.TWO);
    containerd.start();
  }

  @AfterAll
  static void stopContainerd() {
    containerd.close();
  }

  /** The engine of the class that runs. */
  static Containerd containerd() {
    return containerd;
  }

  @Override
  public Containerd engine() {
    return containerd;
  }
}
