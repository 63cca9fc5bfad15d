package dev.casemate.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.protocol.containerd.ProcessDetails;
import dev.casemate.protocol.task.PidsResponse;
import org.junit.jupiter.api.Test;

class GuestPidsTest {
  @Test
  void onlyThePidThatTheHostHasIsGiven() throws Exception {
    PidsResponse pids =
        GuestPids.of(
            "[{\"pid\":80,\"comm\":\"sh\",\"command\":\"sh -c x\"},"
                + "{\"pid\":85,\"comm\":\"kworker\",\"command\":\"\"}]",
            4711);

    assertThat(pids.processes()).hasSize(2);
    assertThat(pids.processes().get(0).pid()).isEqualTo(4711);
    assertThat(pids.processes().get(1).pid()).isZero();
    assertThat(ProcessDetails.decode(pids.processes().get(0).info().orElseThrow().value()).execId())
        .isEqualTo("80 sh -c x");
    assertThat(ProcessDetails.decode(pids.processes().get(1).info().orElseThrow().value()).execId())
        .isEqualTo("85 [kworker]");
  }

  @Test
  void aNameIsCleanWhateverTheGuestSends() throws Exception {
    PidsResponse pids =
        GuestPids.of(
            "[{\"pid\":1,\"command\":\"\\u001b]0;T\\u0007\\u009b\\u202e\\n"
                + "x".repeat(1000)
                + "\"}]",
            1);

    assertThat(ProcessDetails.decode(pids.processes().get(0).info().orElseThrow().value()).execId())
        .startsWith("1 ?]0;T??? xx")
        .hasSize(258);
  }

  @Test
  void aGuestThatSendsSomethingElseHasNoProcesses() {
    assertThat(GuestPids.of("{}", 1).processes()).isEmpty();
    assertThat(GuestPids.of("[1,\"x\"]", 1).processes()).isEmpty();
  }
}
