package dev.casemate.ocicli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import java.util.List;
import org.junit.jupiter.api.Test;

class IdsTest {
  @Test
  void anIdNamesADirectoryAndNothingElse() {
    for (String good : List.of("a", "..a", "a..", "A-b_c+d.9", "x".repeat(255))) {
      assertThat(Ids.check(good)).isEqualTo(good);
    }
    for (String bad : List.of("", ".", "..", "a/b", "../x", "a b", "a\n", "ä", "a\0b", "a:b")) {
      assertThatThrownBy(() -> Ids.check(bad))
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining("invalid container ID format");
    }
    assertThatThrownBy(() -> Ids.check("x".repeat(256)))
        .hasMessageContaining("256 characters")
        .hasMessageContaining("shorten it");
  }
}
