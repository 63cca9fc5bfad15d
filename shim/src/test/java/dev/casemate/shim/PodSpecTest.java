package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.sandbox.NamespaceScope;
import dev.casemate.sandbox.NamespaceScope.Pids;
import org.junit.jupiter.api.Test;

class PodSpecTest {
  private static final Grouping MEMBER = new Grouping(Grouping.Kind.MEMBER, "p");
  private static final Json.Obj SHARING =
      Json.parseObject(
          "{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/7/ns/pid\"}]}}");
  private static final Json.Obj OWN =
      Json.parseObject("{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"}]}}");

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
    Json.Obj spec =
        Json.parseObject(
            "{\"mounts\":[{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\"},"
                + "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]}");

    Json.Obj complete = PodSpec.complete(spec, "pod-a");

    assertThat(complete.string("hostname")).isEqualTo("pod-a");
    assertThat(complete.objects("mounts").getFirst().string("type")).isEqualTo("bind");
    assertThat(complete.objects("mounts").getFirst().string("source")).isEmpty();
    assertThat(complete.objects("mounts").get(1).string("type")).isEqualTo("proc");
    assertThat(spec.objects("mounts").getFirst().string("type"))
        .as("the bundle's is left as it is")
        .isEqualTo("tmpfs");
  }
}
