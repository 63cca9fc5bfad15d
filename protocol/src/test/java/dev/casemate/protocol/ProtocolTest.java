package dev.casemate.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CreateContainerRequest;
import dev.casemate.protocol.agent.HealthCheckResponse;
import dev.casemate.protocol.agent.HealthService;
import dev.casemate.protocol.agent.OnlineCPUMemRequest;
import dev.casemate.protocol.agent.WriteStreamRequest;
import dev.casemate.protocol.events.EventsService;
import dev.casemate.protocol.events.TaskExit;
import dev.casemate.protocol.google.Timestamp;
import dev.casemate.protocol.oci.LinuxSyscall;
import dev.casemate.protocol.oci.Process;
import dev.casemate.protocol.oci.Spec;
import dev.casemate.protocol.task.Status;
import dev.casemate.protocol.task.TaskService;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What the build makes of our texts, as its users see it. */
class ProtocolTest {
  @Test
  void namesServicesAndMethodsAsOthersDo() {
    assertThat(AgentService.NAME).isEqualTo("grpc.AgentService");
    assertThat(AgentService.GET_OOM_EVENT).isEqualTo("GetOOMEvent");
    assertThat(AgentService.ADD_ARP_NEIGHBORS).isEqualTo("AddARPNeighbors");
    assertThat(AgentService.ONLINE_CPU_MEM).isEqualTo("OnlineCPUMem");
    assertThat(HealthService.NAME).isEqualTo("grpc.Health");
    assertThat(TaskService.NAME).isEqualTo("containerd.task.v2.Task");
    assertThat(TaskService.CLOSE_IO).isEqualTo("CloseIO");
    assertThat(dev.casemate.protocol.taskv3.TaskService.NAME).isEqualTo("containerd.task.v3.Task");
    assertThat(dev.casemate.protocol.sandbox.SandboxService.NAME)
        .isEqualTo("containerd.runtime.sandbox.v1.Sandbox");
    assertThat(EventsService.NAME).isEqualTo("containerd.services.events.ttrpc.v1.Events");
    assertThat(TaskExit.FULL_NAME).isEqualTo("containerd.events.TaskExit");
    assertThat(Status.RUNNING).isEqualTo(2);
    assertThat(HealthCheckResponse.ServingStatus.SERVING).isEqualTo(1);
  }

  @Test
  void writesTheBytesThatTheNumbersAskFor() {
    TaskExit exit =
        TaskExit.builder()
            .containerId("c")
            .id("e")
            .pid(300)
            .exitStatus(137)
            .exitedAt(Timestamp.builder().seconds(5).nanos(6).build())
            .build();
    assertThat(HexFormat.of().formatHex(exit.encode()))
        .isEqualTo("0a0163120165" + "18ac02" + "208901" + "2a0408051006");
    WriteStreamRequest write =
        WriteStreamRequest.builder().containerId("c").data(new byte[] {1, 2}).build();
    assertThat(HexFormat.of().formatHex(write.encode())).isEqualTo("0a0163" + "1a020102");
    assertThat(OnlineCPUMemRequest.builder().wait_(true).build().encode()).containsExactly(8, 1);
  }

  @Test
  void keepsWhatABuilderGets() {
    Process process =
        Process.builder()
            .args(List.of("sh", "-c"))
            .addArgs("true")
            .addEnv("A=B")
            .oomScoreAdj(-5)
            .build();
    Spec spec =
        Spec.builder()
            .version("1.2.0")
            .process(process)
            .putAnnotations("b", "2")
            .annotations(Map.of("c", "3"))
            .putAnnotations("a", "1")
            .build();
    CreateContainerRequest request =
        CreateContainerRequest.builder().containerId("x").oci(spec).sandboxPidns(true).build();
    CreateContainerRequest back = CreateContainerRequest.decode(request.encode());
    assertThat(back).isEqualTo(request);
    Spec got = back.oci().orElseThrow();
    assertThat(got.process().orElseThrow().args()).containsExactly("sh", "-c", "true");
    assertThat(got.process().orElseThrow().oomScoreAdj()).isEqualTo(-5);
    assertThat(got.annotations()).containsExactly(Map.entry("a", "1"), Map.entry("c", "3"));
    assertThat(got.root()).isEmpty();
    assertThat(back.storages()).isEmpty();
    assertThat(back.toBuilder().containerId("y").build().oci()).contains(spec);
    assertThat(back).hasToString("grpc.CreateContainerRequest");
    assertThatThrownBy(() -> got.annotations().put("d", "4"))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void tellsAbsentFromZero() {
    assertThat(LinuxSyscall.decode(new byte[0]).errnoRet()).isEqualTo(OptionalInt.empty());
    LinuxSyscall zero = LinuxSyscall.builder().errnoRet(0).build();
    assertThat(LinuxSyscall.decode(zero.encode()).errnoRet()).hasValue(0);
  }

  @Test
  void mergesAMessageThatComesInTwoParts() {
    byte[] first =
        Spec.builder().process(Process.builder().cwd("/").addArgs("a").build()).build().encode();
    byte[] second =
        Spec.builder()
            .process(Process.builder().terminal(true).addArgs("b").build())
            .build()
            .encode();
    byte[] both = java.util.Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    Process merged = Spec.decode(both).process().orElseThrow();
    assertThat(merged.cwd()).isEqualTo("/");
    assertThat(merged.terminal()).isTrue();
    assertThat(merged.args()).containsExactly("a", "b");
  }

  @Test
  void boundsTheElementsOfAMessage() {
    byte[] empties = new byte[1 << 20];
    for (int i = 0; i < empties.length; i += 2) {
      empties[i] = 5 << 3 | 2;
    }
    assertThatThrownBy(() -> CreateContainerRequest.decode(empties))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("elements");
  }
}
