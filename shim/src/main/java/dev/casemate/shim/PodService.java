package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.protobuf.MalformedMessageException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.containerd.Metric;
import dev.casemate.protocol.containerd.Platform;
import dev.casemate.protocol.cri.PodSandboxConfig;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.sandbox.CreateSandboxRequest;
import dev.casemate.protocol.sandbox.CreateSandboxResponse;
import dev.casemate.protocol.sandbox.PingResponse;
import dev.casemate.protocol.sandbox.PlatformResponse;
import dev.casemate.protocol.sandbox.SandboxMetricsResponse;
import dev.casemate.protocol.sandbox.SandboxService;
import dev.casemate.protocol.sandbox.SandboxStatusRequest;
import dev.casemate.protocol.sandbox.SandboxStatusResponse;
import dev.casemate.protocol.sandbox.ShutdownSandboxResponse;
import dev.casemate.protocol.sandbox.StartSandboxResponse;
import dev.casemate.protocol.sandbox.StopSandboxResponse;
import dev.casemate.protocol.sandbox.UpdateSandboxRequest;
import dev.casemate.protocol.sandbox.UpdateSandboxResponse;
import dev.casemate.protocol.sandbox.WaitSandboxResponse;
import dev.casemate.rpc.RpcContext;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcService;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.GuestProcess;
import dev.casemate.sandbox.RpcErrors;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.SandboxListener;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.task.TaskApi;
import java.util.ArrayList;
import java.util.List;

/**
 * containerd's sandbox service ({@code sandboxer = "shim"}): a pod's VM without a pause container.
 */
final class PodService implements RpcService {
  private static final String READY = "SANDBOX_READY";
  private static final String NOT_READY = "SANDBOX_NOTREADY";

  private final ShimRecord record;
  private final SandboxPaths paths;
  private final ShimState state;
  private final SandboxListener listener;
  private volatile long createdMillis;
  private volatile long exitedMillis;
  private volatile boolean stopped;

  PodService(ShimRecord record, SandboxPaths paths, ShimState state, SandboxListener listener) {
    this.record = record;
    this.paths = paths;
    this.state = state;
    this.listener = listener;
  }

  @Override
  public String name() {
    return SandboxService.NAME;
  }

  @Override
  public byte[] call(String method, byte[] payload, RpcContext context) {
    try {
      return handle(method, payload).encode();
    } catch (CasemateException e) {
      throw RpcErrors.toRpc(e);
    } catch (RpcException e) {
      throw RpcErrors.clean(e);
    }
  }

  private ProtoMessage handle(String method, byte[] payload) {
    return switch (method) {
      case SandboxService.CREATE_SANDBOX -> create(CreateSandboxRequest.decode(payload));
      case SandboxService.START_SANDBOX -> start();
      case SandboxService.PLATFORM ->
          PlatformResponse.builder()
              .platform(Platform.builder().os("linux").architecture("amd64").build())
              .build();
      case SandboxService.STOP_SANDBOX -> stop();
      case SandboxService.WAIT_SANDBOX -> await();
      case SandboxService.SANDBOX_STATUS -> status(SandboxStatusRequest.decode(payload));
      case SandboxService.PING_SANDBOX -> ping();
      case SandboxService.SHUTDOWN_SANDBOX -> {
        stop();
        state.shutdown();
        yield ShutdownSandboxResponse.builder().build();
      }
      case SandboxService.SANDBOX_METRICS -> metrics();
      case SandboxService.UPDATE_SANDBOX -> update(UpdateSandboxRequest.decode(payload));
      default -> throw RpcException.unimplemented(name(), method);
    };
  }

  /** Begins to boot the VM; StartSandbox waits for it. */
  private CreateSandboxResponse create(CreateSandboxRequest request) {
    state.use();
    try {
      Boot boot =
          Boot.ofPod(record, paths, pod(request), request.netnsPath(), request.annotations());
      state.podWithoutPause(boot.hostname());
      state.start(boot, listener);
      // Only now: a shim whose pod could not be made ends by itself if there is no second attempt.
      state.keepPod();
    } finally {
      state.release();
    }
    createdMillis = System.currentTimeMillis();
    return CreateSandboxResponse.builder().build();
  }

  private static PodSandboxConfig pod(CreateSandboxRequest request) {
    Any options = request.options().orElseGet(() -> Any.builder().build());
    if (!options.typeUrl().endsWith("PodSandboxConfig")) {
      return PodSandboxConfig.builder().build();
    }
    try {
      return PodSandboxConfig.decode(options.value());
    } catch (MalformedMessageException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT, "the sandbox's options are not a valid PodSandboxConfig", e);
    }
  }

  private StartSandboxResponse start() {
    Sandbox sandbox = state.require();
    sandbox.awaitBoot();
    return StartSandboxResponse.builder()
        .pid(sandbox.vmmPid())
        .createdAt(TaskApi.timestamp(createdMillis))
        .build();
  }

  private synchronized StopSandboxResponse stop() {
    stopped = true;
    if (exitedMillis == 0) {
      state.stop();
      exitedMillis = System.currentTimeMillis();
    }
    return StopSandboxResponse.builder().build();
  }

  private WaitSandboxResponse await() {
    state.require().awaitVmEnd();
    return WaitSandboxResponse.builder()
        .exitStatus(stopped ? 0 : GuestProcess.LOST_STATUS)
        .exitedAt(TaskApi.timestamp(exitedAt()))
        .build();
  }

  private long exitedAt() {
    if (exitedMillis == 0) {
      exitedMillis = System.currentTimeMillis();
    }
    return exitedMillis;
  }

  private SandboxStatusResponse status(SandboxStatusRequest request) {
    Sandbox sandbox = state.require();
    boolean ready = sandbox.isReady();
    SandboxStatusResponse.Builder status =
        SandboxStatusResponse.builder()
            .sandboxId(record.group())
            .pid(sandbox.vmmPid())
            .state(ready ? READY : NOT_READY)
            .createdAt(TaskApi.timestamp(createdMillis));
    if (sandbox.endCause().isPresent()) {
      status.exitedAt(TaskApi.timestamp(exitedAt()));
      status.putInfo("end", sandbox.endCause().get());
    }
    if (request.verbose()) {
      status.putInfo("vm", sandbox.describe().text());
    }
    return status.build();
  }

  private PingResponse ping() {
    if (!state.require().isReady()) {
      throw CasemateException.of(
          Kind.UNAVAILABLE,
          "the VM of sandbox "
              + record.group()
              + state.require().endCause().map(cause -> " has ended: " + cause).orElse(" boots"));
    }
    return PingResponse.builder().build();
  }

  private SandboxMetricsResponse metrics() {
    List<StatsContainerResponse> all = new ArrayList<>();
    for (GuestContainer container : state.require().containers()) {
      try {
        if (container.init().running()) {
          all.add(container.stats());
        }
      } catch (CasemateException | RpcException e) {
        if (container.init().running()) {
          throw e;
        }
        // It has just ended.
      }
    }
    return SandboxMetricsResponse.builder()
        .metrics(
            Metric.builder()
                .timestamp(TaskApi.timestamp(System.currentTimeMillis()))
                .data(Metrics.sum(all, state.require().hostUse()))
                .build())
        .build();
  }

  /** The pod's limits are others now: its VM makes room for them. */
  private UpdateSandboxResponse update(UpdateSandboxRequest request) {
    Sandbox sandbox = state.require();
    if (request.resources().isPresent()) {
      sandbox.update(PodResources.of(request.resources().get()));
    }
    return UpdateSandboxResponse.builder().build();
  }
}
