package dev.casemate.e2e.containerd;

import dev.casemate.e2e.engine.Containerd;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Suites that run once with each containerd that is chosen. */
@ParameterizedClass(name = "{0}")
@MethodSource("dev.casemate.e2e.engine.Containerd$Line#chosen")
abstract class EveryLineCases extends ContainerdCases {
  private static Containerd containerd;

  /** JUnit hands to {@code start} only what there is a field for. */
  @Parameter Containerd.Line line;

  @BeforeParameterizedClassInvocation
  static void start(Containerd.Line line) {
    containerd = new Containerd(line);
    containerd.start();
    containerd.withImages();
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    containerd.close();
  }

  @Override
  public Containerd engine() {
    return containerd;
  }
}
