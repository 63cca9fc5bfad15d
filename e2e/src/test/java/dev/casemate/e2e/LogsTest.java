package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What {@code logs} gives back of what a container has written. */
class LogsTest extends EndToEnd {
  private static final int LINES = 1_000_000;

  @BeforeAll
  static void start() {
    // More than one log file holds: the oldest lines are lost, the newest never.
    run(
            "run",
            "--name",
            "writer",
            IMAGE,
            "sh",
            "-c",
            "echo first; echo wrong >&2; printf 'a\\000b\\n\\n'; seq " + LINES + "; printf end")
        .expect(0);
    run(
            "run",
            "--name",
            "brief",
            IMAGE,
            "sh",
            "-c",
            // Two streams have no order but that of time.
            "echo one; echo two >&2; sleep 0.5; printf 'three\\n\\nfive'")
        .expect(0);
  }

  @AfterAll
  static void stop() {
    remove("writer", "brief");
  }

  @Test
  void bytesAndStreams() {
    Result result = ok("logs", "brief");
    assertThat(result.out()).isEqualTo("one\nthree\n\nfive");
    assertThat(result.err()).isEqualTo("two\n");
  }

  @Test
  void lastLines() {
    assertThat(ok("logs", "--tail", "1", "brief").out()).isEqualTo("five");
    assertThat(ok("logs", "-n", "0", "brief").out()).isEmpty();
    assertThat(ok("logs", "-n", "2", "writer").out()).isEqualTo(LINES + "\nend");
  }

  @Test
  void rotatedFiles() {
    String[] lines = ok("logs", "writer").out().split("\n");
    assertThat(lines[lines.length - 1]).isEqualTo("end");
    // Without a gap from some line on to the last.
    int expected = LINES;
    int i = lines.length - 2;
    while (i >= 0 && lines[i].equals(Integer.toString(expected))) {
      i--;
      expected--;
    }
    assertThat(i).as("lines before line " + expected + " that do not count up").isLessThan(5);
    assertThat(LINES - expected).isGreaterThan(100_000);
  }
}
