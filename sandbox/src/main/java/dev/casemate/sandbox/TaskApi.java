package dev.casemate.sandbox;

import dev.casemate.linux.Processes;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Json;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.google.Empty;
import dev.casemate.protocol.google.Timestamp;
import dev.casemate.protocol.task.CloseIORequest;
import dev.casemate.protocol.task.ConnectResponse;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.protocol.task.CreateTaskResponse;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.DeleteResponse;
import dev.casemate.protocol.task.ExecProcessRequest;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.ResizePtyRequest;
import dev.casemate.protocol.task.StartRequest;
import dev.casemate.protocol.task.StartResponse;
import dev.casemate.protocol.task.StateRequest;
import dev.casemate.protocol.task.StateResponse;
import dev.casemate.protocol.task.StatsResponse;
import dev.casemate.protocol.task.Status;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.protocol.task.UpdateTaskRequest;
import dev.casemate.protocol.task.WaitRequest;
import dev.casemate.protocol.task.WaitResponse;
import dev.casemate.rpc.ProtoMessage;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import java.nio.charset.StandardCharsets;

/**
 * containerd's task service ({@code containerd.task.v2.Task}) over one sandbox. Each call has a
 * thread: a Wait that blocks holds up nobody.
 */
final class TaskApi implements RpcService {
  /** Type of the statistics in {@link StatsResponse}: the agent's own message. */
  static final String STATS_TYPE = "grpc.StatsContainerResponse";

  private final Sandbox sandbox;

  TaskApi(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  @Override
  public String name() {
    return TaskService.NAME;
  }

  @Override
  public byte[] call(String method, byte[] payload, RpcContext context) {
    try {
      return handle(method, payload).encode();
    } catch (CasemateException e) {
      throw RpcErrors.toRpc(e);
    }
  }

  private ProtoMessage handle(String method, byte[] payload) {
    return switch (method) {
      case TaskService.CREATE -> create(CreateTaskRequest.decode(payload));
      case TaskService.START -> start(StartRequest.decode(payload));
      case TaskService.STATE -> state(StateRequest.decode(payload));
      case TaskService.WAIT -> waitFor(WaitRequest.decode(payload));
      case TaskService.KILL -> kill(KillRequest.decode(payload));
      case TaskService.EXEC -> exec(ExecProcessRequest.decode(payload));
      case TaskService.DELETE -> delete(DeleteRequest.decode(payload));
      case TaskService.RESIZE_PTY -> resize(ResizePtyRequest.decode(payload));
      case TaskService.CLOSE_IO -> closeIo(CloseIORequest.decode(payload));
      case TaskService.PAUSE -> {
        sandbox.pause();
        yield empty();
      }
      case TaskService.RESUME -> {
        sandbox.resume();
        yield empty();
      }
      case TaskService.UPDATE -> update(UpdateTaskRequest.decode(payload));
      case TaskService.STATS -> stats();
      case TaskService.CONNECT ->
          ConnectResponse.builder()
              .shimPid(Processes.currentPid())
              .taskPid(Processes.currentPid())
              .build();
      case TaskService.SHUTDOWN -> {
        sandbox.shutdown("it was told to shut down");
        yield empty();
      }
      default -> throw RpcException.unimplemented(TaskService.NAME, method);
    };
  }

  private static Empty empty() {
    return Empty.builder().build();
  }

  private CreateTaskResponse create(CreateTaskRequest request) {
    sandbox.create(
        new Stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal()));
    return CreateTaskResponse.builder().pid(Processes.currentPid()).build();
  }

  private StartResponse start(StartRequest request) {
    if (request.execId().isEmpty()) {
      sandbox.start();
    } else {
      sandbox.container().startExec(request.execId());
    }
    return StartResponse.builder().pid(Processes.currentPid()).build();
  }

  private StateResponse state(StateRequest request) {
    GuestProcess process = sandbox.container().process(request.execId());
    int status = Status.CREATED;
    if (process.hasEnded()) {
      status = Status.STOPPED;
    } else if (process.running()) {
      status = sandbox.container().paused() ? Status.PAUSED : Status.RUNNING;
    }
    StateResponse.Builder state =
        StateResponse.builder()
            .id(request.id())
            .execId(request.execId())
            .pid(Processes.currentPid())
            .status(status)
            .stdin(process.stdio().stdin())
            .stdout(process.stdio().stdout())
            .stderr(process.stdio().stderr())
            .terminal(process.stdio().terminal());
    if (process.hasEnded()) {
      state.exitStatus(process.exitStatus()).exitedAt(timestamp(process.exitedMillis()));
    }
    return state.build();
  }

  private WaitResponse waitFor(WaitRequest request) {
    GuestProcess process = sandbox.container().process(request.execId());
    sandbox.whileWaiting(process::awaitEnd);
    return WaitResponse.builder()
        .exitStatus(process.exitStatus())
        .exitedAt(timestamp(process.exitedMillis()))
        .build();
  }

  private Empty kill(KillRequest request) {
    sandbox.kill(request.execId(), request.signal(), request.all());
    return empty();
  }

  private Empty exec(ExecProcessRequest request) {
    String json =
        new String(
            request.spec().map(Any::value).orElse(ProtoMessage.NO_BYTES), StandardCharsets.UTF_8);
    sandbox
        .container()
        .addExec(
            request.execId(),
            new Stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal()),
            Json.parseObject(json));
    return empty();
  }

  private DeleteResponse delete(DeleteRequest request) {
    GuestProcess process = sandbox.container().process(request.execId());
    if (request.execId().isEmpty()) {
      if (process.running()) {
        throw CasemateException.of(
            Kind.FAILED_PRECONDITION, "container " + request.id() + " is still running");
      }
      sandbox.shutdown("");
    } else {
      sandbox.container().removeExec(request.execId());
    }
    return DeleteResponse.builder()
        .pid(Processes.currentPid())
        .exitStatus(process.exitStatus())
        .exitedAt(timestamp(process.exitedMillis()))
        .build();
  }

  private Empty resize(ResizePtyRequest request) {
    sandbox.resize(request.execId(), request.height(), request.width());
    return empty();
  }

  private Empty closeIo(CloseIORequest request) {
    if (request.stdin()) {
      sandbox.closeStdin(request.execId());
    }
    return empty();
  }

  private Empty update(UpdateTaskRequest request) {
    byte[] resources = request.resources().map(Any::value).orElse(ProtoMessage.NO_BYTES);
    sandbox.container().update(Json.parseObject(new String(resources, StandardCharsets.UTF_8)));
    return empty();
  }

  private StatsResponse stats() {
    return StatsResponse.builder()
        .stats(Any.builder().typeUrl(STATS_TYPE).value(sandbox.container().stats()).build())
        .build();
  }

  private static Timestamp timestamp(long millis) {
    return Timestamp.builder()
        .seconds(millis / 1000)
        .nanos((int) (millis % 1000) * 1_000_000)
        .build();
  }
}
