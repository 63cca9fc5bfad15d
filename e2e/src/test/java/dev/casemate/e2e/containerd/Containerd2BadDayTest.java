package dev.casemate.e2e.containerd;

import dev.casemate.e2e.engine.Containerd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** With a containerd of a newer suite. */
final class Containerd2BadDayTest extends BadDayCases {
  private static Containerd containerd;

  @BeforeAll
  static void start() {
    containerd = new Containerd(Containerd.Line.TWO, DISK_MIB);
    containerd.start();
    containerd.withImages();
  }

  @AfterAll
  static void stop() {
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }
}
