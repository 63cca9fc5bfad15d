package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.jail.UserRange;
import org.junit.jupiter.api.Test;

class JailOptionsTest {
  @Test
  void theJailIsOnUnlessItIsSwitchedOff() {
    assertThat(JailOptions.parse(null).enabled()).isTrue();
    assertThat(JailOptions.parse("on")).isEqualTo(JailOptions.DEFAULT);
    assertThat(JailOptions.parse("off").enabled()).isFalse();
    assertThat(JailOptions.parse("3000000:16").users()).isEqualTo(new UserRange(3_000_000, 16));
    assertThatThrownBy(() -> JailOptions.parse("no")).hasMessageContaining("\"no\"");
  }

  @Test
  void theGroupLiesBesideTheContainers() {
    assertThat(JailOptions.groupBeside("/docker/c1", "s1")).isEqualTo("/docker/casemate-s1");
    assertThat(JailOptions.groupBeside("/kubepods/burstable/pod7/c1", "s1"))
        .isEqualTo("/kubepods/burstable/pod7/casemate-s1");
    assertThat(JailOptions.groupBeside("system.slice:docker:c1", "s1"))
        .isEqualTo("/system.slice/casemate-s1");
    assertThat(JailOptions.groupBeside("kubepods-burstable-pod7.slice:cri:c1", "s1"))
        .isEqualTo(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice/casemate-s1");
    assertThat(JailOptions.groupIn("/kubepods/pod7", "s1")).isEqualTo("/kubepods/pod7/casemate-s1");
    assertThat(JailOptions.groupIn("kubepods-pod7.slice", "s1"))
        .isEqualTo("/kubepods.slice/kubepods-pod7.slice/casemate-s1");
  }

  @Test
  void whatAnEngineDoesNotSayOrMayNotSayGivesOurOwnParent() {
    for (String path :
        new String[] {"", "c1", "/c1", "/a/../../etc/c1", "../x:y:z", "a/b.slice:x:y"}) {
      assertThat(JailOptions.groupBeside(path, "s1")).as(path).isEqualTo("/casemate/casemate-s1");
    }
    assertThat(JailOptions.groupIn("/a/../b", "s1")).isEqualTo("/casemate/casemate-s1");
  }
}
