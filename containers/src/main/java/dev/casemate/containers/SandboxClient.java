package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Signals;
import dev.casemate.linux.UnixSocket;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import dev.casemate.protocol.casemate.ListProcessesRequest;
import dev.casemate.protocol.casemate.ListProcessesResponse;
import dev.casemate.protocol.casemate.SandboxArchiveRequest;
import dev.casemate.protocol.casemate.SandboxInspectRequest;
import dev.casemate.protocol.casemate.SandboxInspectResponse;
import dev.casemate.protocol.casemate.SandboxService;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.protocol.task.DeleteRequest;
import dev.casemate.protocol.task.ExecProcessRequest;
import dev.casemate.protocol.task.KillRequest;
import dev.casemate.protocol.task.PauseRequest;
import dev.casemate.protocol.task.ResizePtyRequest;
import dev.casemate.protocol.task.ResumeRequest;
import dev.casemate.protocol.task.StartRequest;
import dev.casemate.protocol.task.StatsRequest;
import dev.casemate.protocol.task.StatsResponse;
import dev.casemate.protocol.task.TaskService;
import dev.casemate.protocol.task.WaitRequest;
import dev.casemate.protocol.task.WaitResponse;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.TtrpcClient;
import dev.casemate.sandbox.FdChannel;
import dev.casemate.sandbox.RpcErrors;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.Stdio;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.LockSupport;

/**
 * A connection to a sandbox process. Every call throws a {@link CasemateException} with the
 * sandbox's message; UNAVAILABLE if the sandbox process has ended. Calls may be made from several
 * threads. An empty exec id means the container's init.
 */
public final class SandboxClient implements AutoCloseable {
  /** A VM boots, a disk is mounted; the sandbox itself has a shorter time limit. */
  private static final int CREATE_TIMEOUT_MILLIS = 300_000;

  private static final int CALL_TIMEOUT_MILLIS = 60_000;
  private static final int KILL_TIMEOUT_MILLIS = 20_000;
  private static final int NO_TIMEOUT = 0;

  private final String id;
  private final TtrpcClient client;
  private final Fd lock;

  private SandboxClient(String id, TtrpcClient client, Fd lock) {
    this.id = id;
    this.client = client;
    this.lock = lock;
  }

  /**
   * Connects to the sandbox of a container.
   *
   * @throws CasemateException FAILED_PRECONDITION if it has none
   */
  public static SandboxClient connect(SandboxPaths paths, String id) {
    try {
      Fd lock = Fs.open(paths.lock(id), OpenFlag.READ_ONLY);
      try {
        Fd socket = UnixSocket.connect(paths.taskSocket(id));
        return new SandboxClient(
            id, new TtrpcClient(new FdChannel(socket), "the sandbox process"), lock);
      } catch (LinuxException e) {
        lock.close();
        throw e;
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "container " + id.substring(0, Math.min(12, id.length())) + " is not running",
          e);
    }
  }

  /** The container's id. */
  public String id() {
    return id;
  }

  private byte[] call(String service, String method, ProtoMessage request, int timeoutMillis) {
    try {
      return client.call(service, method, request.encode(), timeoutMillis);
    } catch (RpcException e) {
      throw RpcErrors.fromRpc(e);
    }
  }

  private byte[] task(String method, ProtoMessage request) {
    return call(TaskService.NAME, method, request, CALL_TIMEOUT_MILLIS);
  }

  /** Waits for the VM and creates the container in it. */
  public void create(Stdio stdio) {
    call(
        TaskService.NAME,
        TaskService.CREATE,
        CreateTaskRequest.builder()
            .id(id)
            .terminal(stdio.terminal())
            .stdin(stdio.stdin())
            .stdout(stdio.stdout())
            .stderr(stdio.stderr())
            .build(),
        CREATE_TIMEOUT_MILLIS);
  }

  /** Executes the container's command, or an exec that was added. */
  public void start(String execId) {
    task(TaskService.START, StartRequest.builder().id(id).execId(execId).build());
  }

  /** Waits for a process to exit and returns its exit status: 0 to 255. */
  public int await(String execId) {
    byte[] response =
        call(
            TaskService.NAME,
            TaskService.WAIT,
            WaitRequest.builder().id(id).execId(execId).build(),
            NO_TIMEOUT);
    return WaitResponse.decode(response).exitStatus();
  }

  /** Sends a signal to one process, or with {@code all} to every process of the container. */
  public void kill(String execId, int signal, boolean all) {
    task(
        TaskService.KILL,
        KillRequest.builder().id(id).execId(execId).signal(signal).all(all).build());
  }

  /**
   * Adds a process; {@link #start} runs it.
   *
   * @param process the specification's {@code process} object
   */
  public void exec(String execId, Stdio stdio, Json.Obj process) {
    task(
        TaskService.EXEC,
        ExecProcessRequest.builder()
            .id(id)
            .execId(execId)
            .terminal(stdio.terminal())
            .stdin(stdio.stdin())
            .stdout(stdio.stdout())
            .stderr(stdio.stderr())
            .spec(
                Any.builder()
                    .typeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
                    .value(process.text().getBytes(StandardCharsets.UTF_8))
                    .build())
            .build());
  }

  /**
   * Starts a tar stream out of or into the container; then {@link #await} and {@link #delete} it.
   * Returns whether its path is a directory.
   */
  public ArchiveResponse startArchive(ArchiveRequest archive, Stdio stdio) {
    return ArchiveResponse.decode(
        call(
            SandboxService.NAME,
            SandboxService.START_ARCHIVE,
            SandboxArchiveRequest.builder()
                .archive(archive)
                .stdin(stdio.stdin())
                .stdout(stdio.stdout())
                .stderr(stdio.stderr())
                .build(),
            CALL_TIMEOUT_MILLIS));
  }

  /** Deletes an exec that has ended; without an exec id, the container, which ends its sandbox. */
  public void delete(String execId) {
    task(TaskService.DELETE, DeleteRequest.builder().id(id).execId(execId).build());
  }

  public void resize(String execId, int columns, int rows) {
    task(
        TaskService.RESIZE_PTY,
        ResizePtyRequest.builder().id(id).execId(execId).width(columns).height(rows).build());
  }

  public void pause() {
    task(TaskService.PAUSE, PauseRequest.builder().id(id).build());
  }

  public void resume() {
    task(TaskService.RESUME, ResumeRequest.builder().id(id).build());
  }

  /** Usage of CPU, memory, processes, disks and network, as the guest's kernel counts it. */
  public StatsContainerResponse stats() {
    StatsResponse response =
        StatsResponse.decode(task(TaskService.STATS, StatsRequest.builder().id(id).build()));
    return StatsContainerResponse.decode(
        response.stats().map(Any::value).orElse(ProtoMessage.NO_BYTES));
  }

  /**
   * The guest's processes of this container: objects with pid, ppid, uid, command and other fields.
   */
  public Json processes() {
    byte[] response =
        call(
            SandboxService.NAME,
            SandboxService.LIST_PROCESSES,
            ListProcessesRequest.builder().containerId(id).build(),
            CALL_TIMEOUT_MILLIS);
    return Json.parse(ListProcessesResponse.decode(response).json());
  }

  /** The VM as the sandbox process sees it. */
  public Json.Obj inspect() {
    byte[] response =
        call(
            SandboxService.NAME,
            SandboxService.INSPECT,
            SandboxInspectRequest.builder().build(),
            CALL_TIMEOUT_MILLIS);
    return Json.parseObject(SandboxInspectResponse.decode(response).json());
  }

  /**
   * Waits until the sandbox process has ended and has released all its resources; false if that
   * takes longer than {@code timeoutMillis}.
   */
  public boolean awaitGone(int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (!Fs.lock(lock, false, false)) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      LockSupport.parkNanos(2_000_000);
    }
    return true;
  }

  /**
   * Stops the container: sends a signal, kills after the timeout, and waits until the sandbox has
   * ended.
   *
   * @param timeoutMillis time between signal and kill; 0 kills immediately
   * @throws CasemateException TIMEOUT if it does not end even after SIGKILL
   */
  public void stop(ContainerRecord record, int signal, int timeoutMillis) {
    if (timeoutMillis > 0 && ask(signal) && awaitGone(timeoutMillis)) {
      return;
    }
    ask(Signals.KILL);
    if (!awaitGone(KILL_TIMEOUT_MILLIS)) {
      throw CasemateException.of(
          Kind.TIMEOUT,
          "container "
              + record.config().name()
              + " did not end within "
              + KILL_TIMEOUT_MILLIS / 1000
              + " s of SIGKILL; its sandbox process is "
              + record.state().pid()
              + "; remove it by force with: casemate rm -f "
              + record.config().name());
    }
  }

  private boolean ask(int signal) {
    try {
      kill("", signal, signal == Signals.KILL);
      return true;
    } catch (CasemateException e) {
      // Not running any more, or not yet, or the guest does not answer: awaitGone tells.
      return false;
    }
  }

  @Override
  public void close() {
    client.close();
    lock.close();
  }
}
