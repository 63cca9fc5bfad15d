package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.oci.DefaultSeccomp;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.seccomp.CompiledSeccomp;
import dev.casemate.specmapping.SpecMapping;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GuestSpecTest {
  private static final NamespaceScope POD = new NamespaceScope(true, NamespaceScope.Pids.OWN);

  private final List<String> warnings = new ArrayList<>();

  private Spec of(Spec spec, NamespaceScope scope) {
    return GuestSpec.of(spec, "/root", List.of(), scope, warnings::add);
  }

  private Spec guest(String text) {
    return of(Spec.parse(text), NamespaceScope.ALONE);
  }

  private Spec linux(String linux) {
    Spec spec = Spec.parse("{\"ociVersion\":\"1.0.2\",\"linux\":" + linux + "}");
    return of(
        spec.withAnnotations(
            Map.of("a", "b", CompiledSeccomp.ANNOTATION, "4:00", SpecMapping.REST, "{}")),
        NamespaceScope.ALONE);
  }

  @Test
  void theRequestSaysWhetherAProcessHasATerminal() {
    ProcessSpec process =
        ProcessSpec.fromJson(
            Json.parseObject("{\"terminal\":true,\"consoleSize\":{\"height\":2,\"width\":3}}"));
    assertThat(GuestSpec.withTerminal(process, true)).isSameAs(process);
    ProcessSpec without = GuestSpec.withTerminal(process, false);
    assertThat(without.terminal()).isFalse();
    assertThat(without.consoleSize()).isEmpty();
    assertThat(GuestSpec.withTerminal(without, true).terminal()).isTrue();
  }

  @Test
  void theFilterIsCompiledHere() {
    String profile = DefaultSeccomp.profile(List.of()).toJson().text();

    Spec spec = linux("{\"seccomp\":" + profile + "}");

    assertThat(spec.linux().seccomp()).isEmpty();
    assertThat(spec.annotations())
        .containsEntry("a", "b")
        .containsEntry(
            CompiledSeccomp.ANNOTATION, CompiledSeccomp.text(DefaultSeccomp.profile(List.of())));
  }

  @Test
  void nobodyElseCanGiveACompiledFilterOrARest() {
    assertThat(linux("{}").annotations()).containsOnlyKeys("a");
  }

  @Test
  void keptGroupsOfTheEngineAreWarnedOfAndDoNotReplaceThoseOfTheUser() {
    Spec spec =
        guest(
            """
            {"ociVersion":"1.0.2","annotations":{"run.oci.keep_original_groups":"1"},
             "process":{"cwd":"/","args":["a"],"user":{"additionalGids":[7]}}}""");

    assertThat(spec.annotations()).isEmpty();
    assertThat(spec.keepsGroups()).isFalse();
    assertThat(spec.process().orElseThrow().user().additionalGids()).containsExactly(7);
    assertThat(warnings)
        .singleElement()
        .asString()
        .startsWith("annotation run.oci.keep_original_groups is not passed to the VM");
  }

  @Test
  void aFilterWithAListenerIsRefused() {
    assertThatThrownBy(
            () ->
                linux(
                    "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\","
                        + "\"listenerPath\":\"/run/l\"}}"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("linux.seccomp.listenerPath")
        .hasMessageContaining("/run/l");
  }

  @Test
  void aFilterThatCannotBeIsRefusedBeforeTheGuestSeesIt() {
    assertThatThrownBy(() -> linux("{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_MAYBE\"}}"))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("SCMP_ACT_MAYBE");
  }

  @Test
  void theWeightOfBlockIoGoesIntoTheGuestAndTheHostsDevicesDoNot() {
    Resources limits =
        linux(
                """
                {"resources":{"blockIO":{"weight":300,
                 "weightDevice":[{"major":8,"minor":0,"weight":500}],
                 "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1000}]}}}""")
            .linux()
            .resources();

    assertThat(limits.toJson().text()).isEqualTo("{\"blockIO\":{\"weight\":300}}");
    assertThat(warnings)
        .filteredOn(warning -> !warning.startsWith("annotation "))
        .singleElement()
        .asString()
        .startsWith("linux.resources.blockIO of single devices is not passed to the VM");
  }

  @Test
  void annotationsThatOnlyCasemateSetsAreWarnedOfByName() {
    linux("{}");

    assertThat(warnings)
        .containsExactly(
            "annotation dev.casemate.seccomp.program is not passed to the VM: only Casemate sets it",
            "annotation dev.casemate.spec.rest is not passed to the VM: only Casemate sets it");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "process.apparmorProfile \"p\" | {\"process\":{\"cwd\":\"/\",\"apparmorProfile\":\"p\"}}",
        "process.selinuxLabel \"l\" | {\"process\":{\"cwd\":\"/\",\"selinuxLabel\":\"l\"}}",
        "linux.mountLabel \"m\" | {\"linux\":{\"mountLabel\":\"m\"}}",
        "linux.intelRdt \"g\" | {\"linux\":{\"intelRdt\":{\"closID\":\"g\"}}}",
        "linux.resources.network | {\"linux\":{\"resources\":{\"network\":{\"classID\":7}}}}",
        "linux.resources.rdma | {\"linux\":{\"resources\":{\"rdma\":{\"c\":{\"hcaHandles\":1}}}}}",
      })
  void whatIsTheHostsIsWarnedOfByName(String field, String config) {
    Spec spec = guest(config);

    assertThat(warnings)
        .singleElement()
        .asString()
        .startsWith(field + " is not passed to the VM: ");
    warnings.clear();
    of(spec, NamespaceScope.ALONE);
    assertThat(warnings).as("it has been left out").isEmpty();
  }

  @Test
  void aPodsNamesAreTheVms() {
    Spec spec = of(Spec.parse("{\"hostname\":\"h\",\"domainname\":\"d\"}"), POD);

    assertThat(spec.hostname()).isEmpty();
    assertThat(spec.domainname()).isEmpty();
    assertThat(warnings).singleElement().asString().startsWith("domainname \"d\"");
  }

  @Test
  void hooksOfTheRuntimeStayOnTheHost() {
    Spec spec =
        guest(
            """
            {"hooks":{"prestart":[{"path":"/a"}],"createRuntime":[{"path":"/b"}],
             "createContainer":[{"path":"/c"}],"startContainer":[{"path":"/d"}],
             "poststart":[{"path":"/e"}],"poststop":[{"path":"/f"}]}}""");

    assertThat(spec.hooks().toJson().text())
        .isEqualTo(
            "{\"createContainer\":[{\"path\":\"/c\"}],\"startContainer\":[{\"path\":\"/d\"}]}");
  }

  private static LinuxSpec.Namespace ns(String type) {
    return new LinuxSpec.Namespace(type, "");
  }

  /** That of control groups always: the guest has no path of the host's engine. */
  @Test
  void namespacesAreNewOnesOfTheGuest() {
    Spec spec =
        linux(
            """
            {"namespaces":[{"type":"pid","path":"/proc/1/ns/pid"},{"type":"network"},
             {"type":"time"}]}""");

    assertThat(spec.linux().namespaces()).containsExactly(ns("pid"), ns("cgroup"));
    assertThat(linux("{\"namespaces\":[{\"type\":\"cgroup\"}]}").linux().namespaces())
        .containsExactly(ns("cgroup"));
  }

  @Test
  void aClockWithOffsetsIsTheContainersOwn() {
    Spec spec =
        linux("{\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"boottime\":{\"secs\":9}}}");

    assertThat(spec.linux().namespaces()).containsExactly(ns("time"), ns("cgroup"));
    assertThat(spec.linux().timeOffsets()).containsOnlyKeys("boottime");
  }

  @Test
  void whatTheMessageHasNoFieldForIsCarried() {
    Spec spec =
        guest(
            """
            {"domainname":"d","process":{"cwd":"/","user":{"umask":7},
             "ioPriority":{"class":"IOPRIO_CLASS_BE","priority":3},
             "scheduler":{"policy":"SCHED_BATCH"},"execCPUAffinity":{"final":"0"}},
             "linux":{"personality":{"domain":"LINUX32"},"resources":{"unified":{"a":"b"}}}}""");

    assertThat(warnings).isEmpty();
    assertThat(SpecMapping.fromMessage(SpecMapping.toMessage(spec))).isEqualTo(spec);
    assertThat(spec.process().orElseThrow().user().umask()).contains(7);
  }

  private Spec withUsers(String capability, NamespaceScope scope) {
    return of(
        Spec.parse(
            """
            {"process":{"args":["x"],"capabilities":{"effective":["%s"]}},
             "linux":{"namespaces":[{"type":"user","path":"/run/containerd/userns"}],
             "uidMappings":[{"containerID":0,"hostID":65536,"size":10}],
             "gidMappings":[{"containerID":0,"hostID":65536,"size":10}]}}"""
                .formatted(capability)),
        scope);
  }

  @Test
  void aPodsContainersShareAUserNamespaceOfTheGuest() {
    assertThat(withUsers("CAP_CHOWN", POD).linux().namespaces())
        .contains(new LinuxSpec.Namespace("user", GuestContract.USER_NAMESPACE));
    Spec alone = withUsers("CAP_CHOWN", NamespaceScope.ALONE);
    assertThat(alone.linux().namespaces()).contains(new LinuxSpec.Namespace("user", ""));
    assertThat(alone.linux().uidMappings()).hasSize(1);
    assertThat(warnings).isEmpty();
  }

  @Test
  void aUserNamespaceHasNoRightsOverTheVmsNetwork() {
    withUsers("CAP_NET_ADMIN", POD);
    assertThat(warnings).singleElement().asString().contains("CAP_NET_ADMIN");
  }
}
