package dev.casemate.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/**
 * Runs every target for a few seconds, or one of them for long: {@code make fuzz TARGET=JsonFuzz
 * SECONDS=600}. A finding stays as a file in the target's corpus; CONTRIBUTING.md says what to do
 * with it.
 */
@Tag("root")
class FuzzTest {
  private static final String ONLY = System.getProperty("fuzz.target", "");
  private static final int SECONDS = Integer.getInteger("fuzz.seconds", 2);

  /** The same for everybody; a long run draws another one each time. */
  private static final long SEED = Long.getLong("fuzz.seed", 20261129);

  private static final ExecutorService WORKERS =
      Executors.newFixedThreadPool(Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 4));

  @AfterAll
  static void end() {
    WORKERS.shutdownNow();
  }

  @TestFactory
  Stream<DynamicTest> everyTarget() {
    System.out.println("fuzz: " + SECONDS + " s a target, seed " + SEED);
    List<DynamicTest> tests = new ArrayList<>();
    for (Class<?> target : Targets.all()) {
      String name = target.getSimpleName();
      if (!ONLY.isEmpty() && !ONLY.equals(name)) {
        continue;
      }
      Future<Fuzzer.Outcome> run =
          WORKERS.submit(
              () -> {
                Fuzzer fuzzer = new Fuzzer(target);
                return ONLY.isEmpty() ? fuzzer.brief(SECONDS, SEED) : fuzzer.lengthy(SECONDS, SEED);
              });
      tests.add(
          DynamicTest.dynamicTest(
              name,
              () -> {
                Fuzzer.Outcome outcome = run.get();
                System.out.println("fuzz: " + name + ": " + outcome.summary());
                assertThat(outcome.clean())
                    .as(
                        "%s with seed %d found: %s; the input is in %s, the whole report in %s",
                        name, SEED, outcome.summary(), Targets.corpus(target), outcome.log())
                    .isTrue();
              }));
    }
    assertThat(tests).as("targets named \"%s\"", ONLY).isNotEmpty();
    return tests.stream();
  }
}
