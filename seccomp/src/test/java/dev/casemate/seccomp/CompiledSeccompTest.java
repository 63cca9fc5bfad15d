package dev.casemate.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.oci.DefaultSeccomp;
import dev.casemate.oci.SeccompSpec;
import dev.casemate.oci.Spec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CompiledSeccompTest {
  private static final SeccompSpec DEFAULT = DefaultSeccomp.profile(List.of());

  private static Spec annotated(String text) {
    return Spec.fromJson(
        Json.parseObject(
            "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"},\"annotations\":{\""
                + CompiledSeccomp.ANNOTATION
                + "\":\""
                + text
                + "\"}}"));
  }

  @Test
  void whatTheHostCompilesIsWhatTheGuestInstalls() {
    SeccompFilter compiled = SeccompCompiler.compile(DEFAULT);
    String text = CompiledSeccomp.text(DEFAULT);

    SeccompFilter parsed = CompiledSeccomp.parse(text);

    assertThat(parsed.program()).isEqualTo(compiled.program());
    assertThat(parsed.flags()).isEqualTo(compiled.flags());
    BpfInterpreter.verify(parsed.program());
    Optional<SeccompFilter> found = CompiledSeccomp.of(annotated(text), true);
    assertThat(found.orElseThrow().program()).isEqualTo(compiled.program());
  }

  @Test
  void anAnnotationCountsOnlyWhereTheKernelIsTheContainersOwn() {
    String text = CompiledSeccomp.text(DEFAULT);

    assertThat(CompiledSeccomp.of(annotated(text), false)).isEmpty();
    assertThat(annotated(text).annotations()).isEqualTo(Map.of(CompiledSeccomp.ANNOTATION, text));
  }

  @Test
  void whatIsNotAFilterIsRefused() {
    for (String text :
        List.of(
            "",
            ":",
            "0:",
            "0",
            "0:000000000000000",
            "0:00000000000000000",
            "0:000000000000000g",
            "0:000000000000000A",
            "x:0000000000000000",
            "8:0000000000000000",
            "1234:0000000000000000",
            "0:" + "0000000000000000".repeat(4097))) {
      assertThatThrownBy(() -> CompiledSeccomp.parse(text))
          .as(text)
          .isInstanceOf(CasemateException.class)
          .hasMessageContaining(CompiledSeccomp.ANNOTATION);
    }
  }
}
