package dev.casemate.sandbox;

import dev.casemate.linux.Machine;
import dev.casemate.linux.WallClock;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CheckRequest;
import dev.casemate.protocol.agent.CloseStdinRequest;
import dev.casemate.protocol.agent.CopyFileRequest;
import dev.casemate.protocol.agent.CreateContainerRequest;
import dev.casemate.protocol.agent.CreateSandboxRequest;
import dev.casemate.protocol.agent.HealthService;
import dev.casemate.protocol.agent.ReadStreamRequest;
import dev.casemate.protocol.agent.ReadStreamResponse;
import dev.casemate.protocol.agent.ReseedRandomDevRequest;
import dev.casemate.protocol.agent.SetGuestDateTimeRequest;
import dev.casemate.protocol.agent.SignalProcessRequest;
import dev.casemate.protocol.agent.TtyWinResizeRequest;
import dev.casemate.protocol.agent.WaitProcessRequest;
import dev.casemate.protocol.agent.WaitProcessResponse;
import dev.casemate.protocol.agent.WriteStreamRequest;
import dev.casemate.protocol.casemate.ClockReading;
import dev.casemate.protocol.casemate.ClockRequest;
import dev.casemate.protocol.casemate.GuestService;
import dev.casemate.protocol.casemate.PersonalizeRequest;
import dev.casemate.rpc.ConnectionLostException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.rpc.TtrpcClient;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The agent's calls with their timeouts. What comes back is the guest's word and is checked by who
 * uses it.
 */
final class AgentClient implements AutoCloseable {
  /** How long an ordinary call may take: the guest does a few system calls, or mounts a disk. */
  static final int CALL_TIMEOUT_MILLIS = 30_000;

  /** Calls that end when the workload does something have no end. */
  static final int NO_TIMEOUT = 0;

  /** Bytes of an answer that tells a few numbers and names. */
  static final int SMALL_ANSWER = 256 << 10;

  /** Bytes of an answer with a list, whose objects take many times as much memory. */
  static final int LIST_ANSWER = 1 << 20;

  /** Of all answers, with what stands around them: the guest cannot make the host hold more. */
  static final int LONGEST_ANSWER = LIST_ANSWER + 64;

  private static final int SEED_BYTES = 64;

  /**
   * With CASEMATE_TRACE set, {@code sandbox.err} in the container's directory tells what each call
   * took.
   */
  private final boolean trace = System.getenv("CASEMATE_TRACE") != null;

  private final TtrpcClient client;
  private final Consumer<String> warnings;

  AgentClient(TtrpcClient client) {
    this(client, _ -> {});
  }

  /**
   * @param warnings is told what the guest did if the connection is given up for it
   */
  AgentClient(TtrpcClient client, Consumer<String> warnings) {
    this.client = client;
    this.warnings = warnings;
  }

  /**
   * Gives up a guest that breaks the protocol: nothing more is taken from it, and what runs in it
   * counts as lost.
   *
   * @param what what it did
   * @return for the caller to throw
   */
  ConnectionLostException violation(String what) {
    return giveUp("the guest's agent broke the protocol: " + what);
  }

  /** Gives up the guest because the host cannot go on; {@link #violation} otherwise. */
  ConnectionLostException giveUp(String reason) {
    warnings.accept(reason + "; the connection to it was closed");
    client.abandon(reason);
    return new ConnectionLostException(reason, null);
  }

  byte[] call(String method, ProtoMessage request) {
    return call(AgentService.NAME, method, request, CALL_TIMEOUT_MILLIS);
  }

  byte[] call(String service, String method, ProtoMessage request, int timeoutMillis) {
    if (!trace) {
      return client.call(service, method, request.encode(), timeoutMillis);
    }
    long begin = Machine.monotonicMicros();
    try {
      return client.call(service, method, request.encode(), timeoutMillis);
    } finally {
      System.err.println(begin + " " + method + " " + (Machine.monotonicMicros() - begin) + " us");
    }
  }

  /** What reads a message. */
  interface Decoder<T> {
    T decode(byte[] bytes);
  }

  /**
   * Calls and reads the answer, which may be anything.
   *
   * @param limit the most bytes that an honest answer has
   * @throws RpcException DATA_LOSS if it is not what the method answers with, or is longer
   */
  <T> T ask(
      String service,
      String method,
      ProtoMessage request,
      int timeoutMillis,
      int limit,
      Decoder<T> decoder) {
    byte[] answer = call(service, method, request, timeoutMillis);
    if (answer.length > limit) {
      throw new RpcException(
          RpcStatus.DATA_LOSS,
          "the guest's agent answered "
              + method
              + " with "
              + answer.length
              + " bytes; at most "
              + limit
              + " are accepted");
    }
    try {
      return decoder.decode(answer);
    } catch (MalformedMessageException e) {
      throw new RpcException(
          RpcStatus.DATA_LOSS,
          "the guest's agent answered " + method + " with a malformed message: " + e.getMessage(),
          e);
    }
  }

  void createSandbox(CreateSandboxRequest request, int timeoutMillis) {
    call(AgentService.NAME, AgentService.CREATE_SANDBOX, request, timeoutMillis);
  }

  void createContainer(CreateContainerRequest request) {
    call(AgentService.CREATE_CONTAINER, request);
  }

  void copyFile(String path, byte[] content, int mode) {
    copyFile(path, content, mode, 0, 0);
  }

  /** The same with an owner. */
  void copyFile(String path, byte[] content, int mode, int uid, int gid) {
    call(
        AgentService.COPY_FILE,
        CopyFileRequest.builder()
            .path(path)
            .fileSize(content.length)
            .fileMode(mode)
            .uid(uid)
            .gid(gid)
            .dirMode(0755)
            .data(content)
            .build());
  }

  /**
   * The next piece of a stream, at most {@code length} bytes; empty at its end. Waits for output
   * without a time limit.
   */
  byte[] readStream(boolean error, String containerId, String execId, int length) {
    String method = error ? AgentService.READ_STDERR : AgentService.READ_STDOUT;
    ReadStreamRequest request =
        ReadStreamRequest.builder().containerId(containerId).execId(execId).len(length).build();
    byte[] piece;
    try {
      byte[] response = call(AgentService.NAME, method, request, NO_TIMEOUT);
      piece = ReadStreamResponse.decode(response).data();
    } catch (RpcException e) {
      if (e.status() == RpcStatus.RESOURCE_EXHAUSTED) {
        // Longer than any answer may be. Taken for the stream's end, output would be lost silently.
        throw violation("it answered " + method + " with too many bytes: " + e.getMessage());
      }
      throw e;
    } catch (MalformedMessageException e) {
      throw violation("it answered " + method + " with a malformed response: " + e.getMessage());
    }
    if (piece.length > length) {
      throw violation(
          "it answered "
              + method
              + " with "
              + piece.length
              + " bytes, "
              + length
              + " were requested");
    }
    return piece;
  }

  void writeStdin(String containerId, String execId, byte[] data) {
    call(
        AgentService.NAME,
        AgentService.WRITE_STDIN,
        WriteStreamRequest.builder().containerId(containerId).execId(execId).data(data).build(),
        NO_TIMEOUT);
  }

  void closeStdin(String containerId, String execId) {
    call(
        AgentService.CLOSE_STDIN,
        CloseStdinRequest.builder().containerId(containerId).execId(execId).build());
  }

  /** The exit status once the process has ended and its output is read. */
  int waitProcess(String containerId, String execId) {
    WaitProcessResponse response =
        ask(
            AgentService.NAME,
            AgentService.WAIT_PROCESS,
            WaitProcessRequest.builder().containerId(containerId).execId(execId).build(),
            NO_TIMEOUT,
            SMALL_ANSWER,
            WaitProcessResponse::decode);
    // A status has eight bits; the guest could claim anything.
    return response.status() & 0xff;
  }

  void signal(String containerId, String execId, int signal, int timeoutMillis) {
    call(
        AgentService.NAME,
        AgentService.SIGNAL_PROCESS,
        SignalProcessRequest.builder()
            .containerId(containerId)
            .execId(execId)
            .signal(signal)
            .build(),
        timeoutMillis);
  }

  void resize(String containerId, String execId, int rows, int columns) {
    call(
        AgentService.TTY_WIN_RESIZE,
        TtyWinResizeRequest.builder()
            .containerId(containerId)
            .execId(execId)
            .row(rows)
            .column(columns)
            .build());
  }

  /** Sets the guest's clock: it has just come up, was stopped, or is a copy. */
  void setClock() {
    try {
      new GuestClock(this, warning -> {}).set();
    } catch (RpcException e) {
      if (e.status() != RpcStatus.UNIMPLEMENTED) {
        throw e;
      }
      // A guest that was built earlier.
      long micros = WallClock.realMicros();
      call(
          AgentService.SET_GUEST_DATE_TIME,
          SetGuestDateTimeRequest.builder()
              .sec(micros / 1_000_000)
              .usec(micros % 1_000_000)
              .build());
    }
  }

  /** Corrects the guest's clocks, and reads them. */
  ClockReading clock(ClockRequest request) {
    return ask(
        GuestService.NAME,
        GuestService.CLOCK,
        request,
        CALL_TIMEOUT_MILLIS,
        SMALL_ANSWER,
        ClockReading::decode);
  }

  /** Makes a copy of a guest draw other random numbers than its original. */
  void reseed() {
    call(AgentService.RESEED_RANDOM_DEV, ReseedRandomDevRequest.builder().data(seed()).build());
  }

  /** Fresh randomness of this machine's for a guest. */
  static byte[] seed() {
    return Machine.random(SEED_BYTES);
  }

  /** Makes a copy of a template a machine of its own; waits until the copy runs. */
  void personalize(PersonalizeRequest request, int timeoutMillis) {
    call(GuestService.NAME, GuestService.PERSONALIZE, request, timeoutMillis);
  }

  /**
   * Returns once the agent has answered.
   *
   * @throws RpcException DEADLINE_EXCEEDED if it does not in time
   */
  void check(int timeoutMillis) {
    call(HealthService.NAME, HealthService.CHECK, CheckRequest.builder().build(), timeoutMillis);
  }

  /**
   * Does something while no other thread says anything to the agent, and the agent has heard all
   * that was said. Callers wait meanwhile.
   */
  void quietly(Runnable action) {
    client.hold();
    try {
      check(CALL_TIMEOUT_MILLIS);
      action.run();
    } finally {
      client.release();
    }
  }

  /** Why the connection ended; empty as long as it has not. */
  Optional<String> lossReason() {
    return client.lossReason();
  }

  @Override
  public void close() {
    client.close();
  }
}
