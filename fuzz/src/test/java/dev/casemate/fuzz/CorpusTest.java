package dev.casemate.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Runs every input of every corpus, without the fuzzer: what was found once stays repaired. */
@Tag("root")
class CorpusTest {
  private static final Duration A_TARGET = Duration.ofSeconds(60);
  private static final long MOST_BYTES = 300 << 10;

  @TestFactory
  Stream<DynamicTest> everyInput() {
    return Targets.all().stream()
        .map(target -> DynamicTest.dynamicTest(target.getSimpleName(), () -> run(target)));
  }

  private static void run(Class<?> target) throws Exception {
    List<Path> inputs = Targets.inputs(target);
    assertThat(inputs).as("a corpus").isNotEmpty();
    assertTimeoutPreemptively(
        A_TARGET,
        () -> {
          Targets.run(target, new byte[0]);
          for (Path input : inputs) {
            try {
              Targets.run(target, Files.readAllBytes(input));
            } catch (Throwable e) {
              throw new AssertionError("input " + input, e);
            }
          }
        });
  }

  @Test
  void theCorporaStaySmall() throws Exception {
    long bytes = 0;
    for (Class<?> target : Targets.all()) {
      for (Path input : Targets.inputs(target)) {
        bytes += Files.size(input);
      }
    }
    assertThat(bytes).isLessThan(MOST_BYTES);
  }
}
