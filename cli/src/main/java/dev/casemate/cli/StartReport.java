package dev.casemate.cli;

import dev.casemate.commandline.Console;
import dev.casemate.containers.ContainerState;
import dev.casemate.containers.ContainerStore;
import dev.casemate.sandbox.StartTimings;
import java.util.Optional;

/** How long the stages of a start took, for {@code run --timings} and the benchmark. */
final class StartReport {
  private final ContainerStore store;
  private final String id;
  private volatile Optional<StartTimings> timings = Optional.empty();
  private volatile boolean started;
  private long firstByteMicros;

  StartReport(ContainerStore store, String id) {
    this.store = store;
    this.id = id;
  }

  /**
   * The workload runs: its sandbox has noted the stages, which a container with {@code --rm} takes
   * away with it.
   */
  void started() {
    started = true;
    timings = store.load(id).map(record -> record.state()).map(ContainerState::timings);
  }

  boolean wasStarted() {
    return started;
  }

  void firstByte(long micros) {
    firstByteMicros = micros;
  }

  void print() {
    StartTimings t = timings.orElse(null);
    if (t == null || t.containerStarted() == 0) {
      Console.errLine("casemate: the container ended before its timings were read");
      return;
    }
    StringBuilder text = new StringBuilder("stage                   ms\n");
    t.stages().forEach((stage, millis) -> line(text, stage, millis));
    if (firstByteMicros > 0) {
      line(text, "first byte", StartTimings.millis(t.containerStarted(), firstByteMicros));
      line(text, "run to first byte", StartTimings.millis(t.commandStart(), firstByteMicros));
    } else {
      line(text, "run to start", StartTimings.millis(t.commandStart(), t.containerStarted()));
    }
    Console.err(text.toString());
  }

  private static void line(StringBuilder text, String stage, long millis) {
    String figure = Long.toString(millis);
    text.append(stage)
        .repeat(' ', Math.max(1, 26 - stage.length() - figure.length()))
        .append(figure)
        .append('\n');
  }
}
