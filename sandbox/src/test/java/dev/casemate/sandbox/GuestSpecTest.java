package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.oci.DefaultSeccomp;
import dev.casemate.protocol.oci.LinuxBlockIO;
import dev.casemate.protocol.oci.Spec;
import dev.casemate.seccomp.CompiledSeccomp;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuestSpecTest {
  private static final String MINE = ",\"annotations\":{\"a\":\"b\",\"%s\":\"4:00\"}";

  private static Spec translate(String linux) {
    String text = "{\"ociVersion\":\"1.0.2\"" + MINE + ",\"linux\":" + linux + "}";
    return GuestSpec.translate(
        Json.parseObject(text.replace("%s", CompiledSeccomp.ANNOTATION)),
        "/root",
        List.of(),
        NamespaceScope.ALONE);
  }

  @Test
  void theFilterIsCompiledHere() {
    String profile = DefaultSeccomp.profile(List.of()).toJson().text();

    Spec spec = translate("{\"seccomp\":" + profile + "}");

    assertThat(spec.linux().orElseThrow().seccomp()).isEmpty();
    assertThat(spec.annotations())
        .containsEntry("a", "b")
        .containsEntry(
            CompiledSeccomp.ANNOTATION, CompiledSeccomp.text(DefaultSeccomp.profile(List.of())));
  }

  @Test
  void nobodyElseCanGiveACompiledFilter() {
    assertThat(translate("{}").annotations()).containsOnlyKeys("a");
  }

  @Test
  void aFilterWithAListenerIsTheGuestsBusiness() {
    Spec spec =
        translate(
            "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/run/l\"}}");

    assertThat(spec.linux().orElseThrow().seccomp().orElseThrow().defaultAction())
        .isEqualTo("SCMP_ACT_NOTIFY");
    assertThat(spec.annotations()).containsOnlyKeys("a");
  }

  @Test
  void theWeightOfBlockIoGoesIntoTheGuestAndTheHostsDevicesDoNot() {
    LinuxBlockIO io =
        GuestSpec.resources(
                Json.parseObject(
                    """
                    {"blockIO":{"weight":300,"weightDevice":[{"major":8,"minor":0,"weight":500}],
                     "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1000}]}}"""))
            .blockIo()
            .orElseThrow();

    assertThat(io).isEqualTo(LinuxBlockIO.builder().weight(300).build());
  }

  @Test
  void aFilterThatCannotBeIsRefusedBeforeTheGuestSeesIt() {
    assertThatThrownBy(() -> translate("{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_MAYBE\"}}"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("SCMP_ACT_MAYBE");
  }
}
