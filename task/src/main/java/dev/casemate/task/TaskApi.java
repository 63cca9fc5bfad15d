package dev.casemate.task;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Processes;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.google.Empty;
import dev.casemate.protocol.google.Timestamp;
import dev.casemate.protocol.task.CheckpointTaskRequest;
import dev.casemate.protocol.task.CloseIORequest;
import dev.casemate.protocol.task.ConnectResponse;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.protocol.task.CreateTaskResponse;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.DeleteResponse;
import dev.casemate.protocol.task.ExecProcessRequest;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.PauseRequest;
import dev.casemate.protocol.task.PidsRequest;
import dev.casemate.protocol.task.PidsResponse;
import dev.casemate.protocol.task.ResizePtyRequest;
import dev.casemate.protocol.task.ResumeRequest;
import dev.casemate.protocol.task.ShutdownRequest;
import dev.casemate.protocol.task.StartRequest;
import dev.casemate.protocol.task.StartResponse;
import dev.casemate.protocol.task.StateRequest;
import dev.casemate.protocol.task.StateResponse;
import dev.casemate.protocol.task.StatsRequest;
import dev.casemate.protocol.task.StatsResponse;
import dev.casemate.protocol.task.Status;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.protocol.task.UpdateTaskRequest;
import dev.casemate.protocol.task.WaitRequest;
import dev.casemate.protocol.task.WaitResponse;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.GuestProcess;
import dev.casemate.sandbox.RpcErrors;
import dev.casemate.sandbox.Stdio;
import java.nio.charset.StandardCharsets;

/**
 * containerd's task service ({@code containerd.task.v2.Task}, or v3, which differs in name only)
 * over the containers of a sandbox. Each call has a thread, so a blocking Wait does not delay other
 * calls.
 */
public final class TaskApi implements RpcService {
  private final String name;
  private final TaskFront front;

  private TaskApi(String name, TaskFront front) {
    this.name = name;
    this.front = front;
  }

  public static TaskApi v2(TaskFront front) {
    return new TaskApi(TaskService.NAME, front);
  }

  public static TaskApi v3(TaskFront front) {
    return new TaskApi(dev.casemate.protocol.taskv3.TaskService.NAME, front);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public byte[] call(String method, byte[] payload, RpcContext context) {
    try {
      return handle(method, payload).encode();
    } catch (CasemateException e) {
      throw answer(RpcErrors.toRpc(e));
    } catch (RpcException e) {
      throw answer(e);
    }
  }

  @Override
  public void unheard(String method, byte[] payload) {
    if (method.equals(TaskService.CREATE)) {
      front.createdForNobody(CreateTaskRequest.decode(payload));
    }
  }

  private RpcException answer(RpcException e) {
    RpcException shown = RpcErrors.clean(e);
    return front.forEngine() ? RpcErrors.forEngine(shown) : shown;
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
        container(PauseRequest.decode(payload).id()).pause();
        yield empty();
      }
      case TaskService.RESUME -> {
        container(ResumeRequest.decode(payload).id()).resume();
        yield empty();
      }
      case TaskService.UPDATE -> update(UpdateTaskRequest.decode(payload));
      case TaskService.STATS -> stats(StatsRequest.decode(payload));
      case TaskService.PIDS -> pids(PidsRequest.decode(payload));
      case TaskService.CHECKPOINT -> checkpoint(CheckpointTaskRequest.decode(payload));
      case TaskService.CONNECT ->
          ConnectResponse.builder()
              .shimPid(Processes.currentPid())
              .taskPid(front.sandbox().vmmPid())
              .build();
      case TaskService.SHUTDOWN -> {
        front.shutdown(ShutdownRequest.decode(payload).now());
        yield empty();
      }
      default -> throw RpcException.unimplemented(name, method);
    };
  }

  private GuestContainer container(String id) {
    return front.sandbox().container(id);
  }

  private static Empty empty() {
    return Empty.builder().build();
  }

  private CreateTaskResponse create(CreateTaskRequest request) {
    front.create(request);
    return CreateTaskResponse.builder().pid(front.sandbox().vmmPid()).build();
  }

  private StartResponse start(StartRequest request) {
    GuestContainer container = container(request.id());
    if (request.execId().isEmpty()) {
      front.start(container);
    } else {
      container.startExec(request.execId());
    }
    return StartResponse.builder().pid(front.sandbox().vmmPid()).build();
  }

  private StateResponse state(StateRequest request) {
    GuestContainer container = container(request.id());
    GuestProcess process = container.process(request.execId());
    int status = Status.CREATED;
    if (process.hasEnded()) {
      status = Status.STOPPED;
    } else if (process.running()) {
      status = container.paused() ? Status.PAUSED : Status.RUNNING;
    }
    StateResponse.Builder state =
        StateResponse.builder()
            .id(request.id())
            .execId(request.execId())
            .bundle(front.bundle(request.id()))
            .pid(front.sandbox().vmmPid())
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
    GuestProcess process = container(request.id()).process(request.execId());
    front.whileWaiting(process::awaitEnd);
    if (!front.forEngine() && process.refusal().isPresent()) {
      throw CasemateException.of(Kind.CORRUPT, process.refusal().get());
    }
    return WaitResponse.builder()
        .exitStatus(process.exitStatus())
        .exitedAt(timestamp(process.exitedMillis()))
        .build();
  }

  private Empty kill(KillRequest request) {
    front.kill(request.id(), request.execId(), request.signal(), request.all());
    return empty();
  }

  private Empty exec(ExecProcessRequest request) {
    String json =
        new String(
            request.spec().map(Any::value).orElse(ProtoMessage.NO_BYTES), StandardCharsets.UTF_8);
    Stdio stdio =
        front.stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal());
    container(request.id()).addExec(request.execId(), stdio, Json.parseObject(json));
    return empty();
  }

  private DeleteResponse delete(DeleteRequest request) {
    GuestContainer container = container(request.id());
    GuestProcess process = container.process(request.execId());
    if (request.execId().isEmpty()) {
      front.delete(container);
    } else {
      container.removeExec(request.execId());
    }
    return DeleteResponse.builder()
        .pid(front.sandbox().vmmPid())
        .exitStatus(process.exitStatus())
        .exitedAt(timestamp(process.exitedMillis()))
        .build();
  }

  private Empty resize(ResizePtyRequest request) {
    container(request.id()).resize(request.execId(), request.height(), request.width());
    return empty();
  }

  private Empty closeIo(CloseIORequest request) {
    if (request.stdin()) {
      container(request.id()).closeStdin(request.execId());
    }
    return empty();
  }

  private Empty update(UpdateTaskRequest request) {
    byte[] resources = request.resources().map(Any::value).orElse(ProtoMessage.NO_BYTES);
    front.update(
        container(request.id()), Json.parseObject(new String(resources, StandardCharsets.UTF_8)));
    return empty();
  }

  private StatsResponse stats(StatsRequest request) {
    return StatsResponse.builder().stats(front.stats(container(request.id()))).build();
  }

  private PidsResponse pids(PidsRequest request) {
    return GuestPids.of(container(request.id()).processes(), front.sandbox().vmmPid());
  }

  private Empty checkpoint(CheckpointTaskRequest request) {
    front.checkpoint(container(request.id()), request);
    return empty();
  }

  public static Timestamp timestamp(long millis) {
    return Timestamp.builder()
        .seconds(millis / 1000)
        .nanos((int) (millis % 1000) * 1_000_000)
        .build();
  }
}
