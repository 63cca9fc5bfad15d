package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.linux.Fd;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.ReadStreamResponse;
import dev.casemate.protocol.agent.WaitProcessResponse;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.rpc.TtrpcServer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An agent whose answers are no answers. */
@Timeout(60)
class HostileAnswersTest {
  private static final byte[] GARBAGE = "garbage".getBytes(StandardCharsets.US_ASCII);

  private final Map<String, byte[]> answers = new ConcurrentHashMap<>();
  private final TtrpcServer server;
  private final AgentClient agent;

  HostileAnswersTest() {
    Fd[] ends = UnixSocket.pair();
    server = new TtrpcServer(List.of(service(AgentService.NAME), service(GuestService.NAME)));
    server.start(new FdChannel(ends[1]));
    agent =
        new AgentClient(
            new TtrpcClient(
                new FdChannel(ends[0]), "the guest's agent", AgentClient.LONGEST_ANSWER));
  }

  @AfterEach
  void close() {
    agent.close();
    server.close();
  }

  private RpcService service(String name) {
    return new RpcService() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public byte[] call(String method, byte[] payload, RpcContext context) {
        byte[] answer = answers.get(method);
        if (answer == null) {
          throw new RpcException(RpcStatus.INTERNAL, "the guest does not say");
        }
        return answer;
      }
    };
  }

  @Test
  void aMalformedAnswerIsTheGuestsFault() {
    answers.put(AgentService.WAIT_PROCESS, GARBAGE);
    assertThatThrownBy(() -> agent.waitProcess("c", ""))
        .isInstanceOf(RpcException.class)
        .hasMessageContaining(
            "the guest's agent answered WaitProcess with a malformed message: field 12");
    answers.put(GuestService.BOOT, GARBAGE);
    assertThatThrownBy(() -> GuestBoot.await(agent, 1000))
        .isInstanceOf(RpcException.class)
        .hasMessageContaining("answered Boot with a malformed message");
  }

  @Test
  void anAnswerThatIsTooLongIsNotRead() {
    answers.put(AgentService.WAIT_PROCESS, new byte[AgentClient.SMALL_ANSWER + 1]);
    assertThatThrownBy(() -> agent.waitProcess("c", ""))
        .hasMessageContaining(
            "answered WaitProcess with 262145 bytes; at most 262144 are accepted");
    answers.put(AgentService.WAIT_PROCESS, new byte[AgentClient.LIST_ANSWER + 100]);
    assertThatThrownBy(() -> agent.waitProcess("c", ""))
        .hasMessageContaining("sent a response of 1048")
        .hasMessageContaining("at most 1048640 are accepted");
    answers.put(
        AgentService.WAIT_PROCESS, WaitProcessResponse.builder().status(-1).build().encode());
    assertThat(agent.waitProcess("c", "")).isEqualTo(255);
  }

  private GuestProcess attached() throws InterruptedException {
    GuestProcess process = new GuestProcess(agent, "c", "c", "e", Stdio.none(false));
    CountDownLatch ended = new CountDownLatch(1);
    process.attach(Optional.empty(), ended::countDown);
    ended.await();
    return process;
  }

  @Test
  void outputWithoutEndEndsWithItsProcess() throws Exception {
    answers.put(AgentService.CLOSE_STDIN, new byte[0]);
    answers.put(
        AgentService.WAIT_PROCESS, WaitProcessResponse.builder().status(7).build().encode());
    answers.put(
        AgentService.READ_STDOUT,
        ReadStreamResponse.builder().data(new byte[32 * 1024]).build().encode());
    answers.put(AgentService.READ_STDERR, new byte[0]);
    try (GuestProcess process = attached()) {
      assertThat(process.exitStatus()).isEqualTo(7);
      assertThat(process.awaitTold(0)).isTrue();
      assertThat(process.refusal()).isEmpty();
      assertThat(process.wasLost()).isFalse();
    }
  }

  @Test
  void aGuestThatDoesNotTellTheEndIsQuoted() throws Exception {
    answers.put(AgentService.CLOSE_STDIN, new byte[0]);
    answers.put(AgentService.READ_STDOUT, new byte[0]);
    answers.put(AgentService.READ_STDERR, new byte[0]);
    try (GuestProcess process = attached()) {
      assertThat(process.exitStatus()).isEqualTo(GuestProcess.LOST_STATUS);
      assertThat(process.wasLost()).isTrue();
      assertThat(process.refusal().orElseThrow())
          .isEqualTo("the guest did not report how the process ended: the guest does not say");
    }
  }
}
