package dev.casemate.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What tests of refusals share. */
final class Failures {
  private Failures() {}

  /** What a call fails with: one line of a kind, with words. */
  static CasemateException failure(ThrowingCallable call, Kind kind, String... words) {
    List<CasemateException> caught = new ArrayList<>();
    assertThatThrownBy(call)
        .isInstanceOf(CasemateException.class)
        .hasMessageContainingAll(words)
        .satisfies(e -> caught.add((CasemateException) e));
    assertThat(caught.getFirst().getMessage()).doesNotContain("\n");
    assertThat(caught.getFirst().kind()).isEqualTo(kind);
    return caught.getFirst();
  }
}
