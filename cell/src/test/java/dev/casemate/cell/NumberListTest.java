package dev.casemate.cell;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NumberListTest {
  @Test
  void rangesAndNumbersAreRead() {
    assertThat(NumberList.parse("0-2, 7", 8))
        .hasValueSatisfying(numbers -> assertThat(numbers).containsExactly(0, 1, 2, 7));
    assertThat(NumberList.parse("", 8))
        .hasValueSatisfying(numbers -> assertThat(numbers).isEmpty());
  }

  @Test
  void whatIsNoListOrTooLargeIsNone() {
    for (String text : List.of("a", "3-1", "-1", "1-", "8", "0-9876543210", "0 1")) {
      assertThat(NumberList.parse(text, 8)).as(text).isEmpty();
    }
  }
}
