package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.oci.Spec;
import dev.casemate.sandbox.NamespaceScope;
import dev.casemate.sandbox.NamespaceScope.Pids;
import org.junit.jupiter.api.Test;

class PodSpecTest {
  private static final Grouping MEMBER = new Grouping(Grouping.Kind.MEMBER, "p");
  private static final Spec SHARING =
      Spec.parse("{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/7/ns/pid\"}]}}");
  private static final Spec OWN =
      Spec.parse("{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"}]}}");

  @Test
  void aContainerAloneSharesNothing() {
    assertThat(PodSpec.scope(new Grouping(Grouping.Kind.SINGLE, "c"), OWN, false))
        .isEqualTo(NamespaceScope.ALONE);
  }

  @Test
  void membersShareWhatTheyAskFor() {
    assertThat(PodSpec.scope(MEMBER, OWN, false)).isEqualTo(new NamespaceScope(true, Pids.OWN));
    assertThat(PodSpec.scope(MEMBER, SHARING, false))
        .isEqualTo(new NamespaceScope(true, Pids.SHARED));
    assertThat(PodSpec.scope(MEMBER, SHARING, true))
        .as("without a pause container")
        .isEqualTo(new NamespaceScope(true, Pids.MACHINE));
    assertThat(PodSpec.scope(new Grouping(Grouping.Kind.SANDBOX, "p"), OWN, false))
        .as("the pause container's is the one to share")
        .isEqualTo(new NamespaceScope(true, Pids.SHARED));
  }

  @Test
  void aPodWithoutPauseHasItsNameAndSharedMemory() {
    Spec spec =
        Spec.parse(
            "{\"mounts\":[{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\"},"
                + "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]}");

    Spec complete = PodSpec.complete(spec, "pod-a");

    assertThat(complete.hostname()).isEqualTo("pod-a");
    assertThat(complete.mounts().getFirst().type()).isEqualTo("bind");
    assertThat(complete.mounts().getFirst().source()).isEmpty();
    assertThat(complete.mounts().get(1).type()).isEqualTo("proc");
    assertThat(spec.mounts().getFirst().type())
        .as("the bundle's is left as it is")
        .isEqualTo("tmpfs");
  }
}
