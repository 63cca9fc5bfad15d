package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Shell;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What an emulated start costs, counted instead of timed: the blocks of code that QEMU translates.
 * A budget is some 5 % above the count of 2026-11-30; raise one only with a reason in the commit.
 */
class StartBudgetTest extends EndToEnd {
  /** The agent, and the container's program. */
  private static final long USER_BLOCKS = 17_000;

  private static final long ALL_BLOCKS = 123_000;

  @Test
  void aStartTranslatesNoMoreCodeThanItDid() {
    Map<String, Long> blocks = new HashMap<>();
    for (String line : Shell.run("cd .. && scripts/bench-blocks.sh").out().split("\n")) {
      List<String> words = List.of(line.strip().split(" +"));
      if (words.size() == 5) {
        blocks.put(words.get(0), Long.parseLong(words.get(1)));
      }
    }
    assertThat(blocks).containsOnlyKeys("kernel", "user", "all");
    assertThat(blocks.get("user")).isBetween(1_000L, USER_BLOCKS);
    assertThat(blocks.get("all")).isBetween(10_000L, ALL_BLOCKS);
  }
}
