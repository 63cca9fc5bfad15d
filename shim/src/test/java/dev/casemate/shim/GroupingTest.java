package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.oci.Spec;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GroupingTest {
  private static Grouping of(Map<String, String> annotations) {
    return Grouping.of("c1", Spec.EMPTY.withAnnotations(annotations));
  }

  @Test
  void withoutAnnotationsAContainerIsAlone() {
    assertThat(Grouping.of("c1", Spec.EMPTY)).isEqualTo(new Grouping(Grouping.Kind.SINGLE, "c1"));
  }

  @ParameterizedTest
  @CsvSource({
    "io.kubernetes.cri.container-type, io.kubernetes.cri.sandbox-id, sandbox",
    "io.kubernetes.cri-o.ContainerType, io.kubernetes.cri-o.SandboxID, sandbox",
    "io.kubernetes.docker.type, io.kubernetes.sandbox.id, podsandbox",
  })
  void everyEngineHasItsWords(String type, String sandboxId, String sandbox) {
    assertThat(of(Map.of(type, sandbox, sandboxId, "c1")))
        .isEqualTo(new Grouping(Grouping.Kind.SANDBOX, "c1"));
    assertThat(of(Map.of(type, "container", sandboxId, "pod7")))
        .isEqualTo(new Grouping(Grouping.Kind.MEMBER, "pod7"));
  }

  @Test
  void aMemberMustSayOfWhichPod() {
    assertThatThrownBy(() -> of(Map.of("io.kubernetes.cri.container-type", "container")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("io.kubernetes.cri.sandbox-id");
  }

  @Test
  void aPodsIdCannotBeAPath() {
    Map<String, String> annotations =
        Map.of(
            "io.kubernetes.cri.container-type",
            "container",
            "io.kubernetes.cri.sandbox-id",
            "../x");

    assertThatThrownBy(() -> of(annotations)).isInstanceOf(CasemateException.class);
  }
}
