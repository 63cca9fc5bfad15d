package dev.casemate.sandbox;

import dev.casemate.hypervisor.VmEvent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Json;
import dev.casemate.protocol.oci.Mount;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * One sandbox as its process sees it: a VM, the container in it, and the record on disk that
 * follows both.
 *
 * <p>The VM starts as soon as the process does, before anybody has asked for the container. What
 * fails on the way is told to whoever asks.
 */
final class Sandbox {
  /** A sandbox that nobody talks to ends by itself after this time. */
  private static final long CREATE_TIMEOUT_MILLIS = 60_000;

  private static final long ANSWER_GRACE_MILLIS = 2_000;

  private final SandboxPaths paths;
  private final ContainerStore store;
  private final ContainerConfig config;
  private final Json.Obj spec;
  private final SandboxVm vm;
  private final long commandStartMicros;
  private final long mainMicros;
  private final List<Mount> mounts = new ArrayList<>();
  private final CompletableFuture<Void> booted = new CompletableFuture<>();
  private final CompletableFuture<GuestContainer> created = new CompletableFuture<>();
  private final CountDownLatch finished = new CountDownLatch(1);
  private final AtomicInteger unanswered = new AtomicInteger();
  private Optional<ContainerLog> log = Optional.empty();
  private volatile long createdMicros;
  private volatile boolean createRequested;
  private ContainerState state = ContainerState.created();

  Sandbox(ContainerStore store, ContainerRecord record, Json.Obj spec, long commandStartMicros) {
    this.paths = store.paths();
    this.store = store;
    this.config = record.config();
    this.spec = spec;
    this.vm = new SandboxVm(paths, config);
    this.commandStartMicros = commandStartMicros;
    this.mainMicros = Machine.monotonicMicros();
    this.state = record.state();
  }

  /** Whether the host has to share files: these need a mount namespace of the sandbox's own. */
  static boolean needsShares(ContainerConfig config, Json.Obj spec) {
    if (config.rootfs() instanceof RootFs.Directory) {
      return true;
    }
    for (Json.Obj mount : spec.objects("mounts")) {
      if (isBind(mount)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isBind(Json.Obj mount) {
    List<String> options = mount.strings("options");
    return mount.string("type").equals("bind")
        || options.contains("bind")
        || options.contains("rbind");
  }

  /** Runs the sandbox until it is over, and leaves nothing behind. */
  void run() {
    update(state.owned(Processes.currentPid(), ""));
    Threads.start("boot", this::boot);
    try {
      awaitFinish();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    end();
  }

  private void awaitFinish() throws InterruptedException {
    if (!finished.await(CREATE_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS) && !createRequested) {
      return;
    }
    finished.await();
  }

  private void boot() {
    try {
      for (Json.Obj mount : spec.objects("mounts")) {
        mounts.add(guestMount(mount));
      }
      vm.launch(this::vmEvent);
      vm.awaitReady(spec.string("hostname"));
      booted.complete(null);
    } catch (CasemateException e) {
      booted.completeExceptionally(e);
    } catch (RpcException e) {
      booted.completeExceptionally(RpcErrors.fromRpc(e));
    } catch (RuntimeException e) {
      booted.completeExceptionally(
          CasemateException.of(Kind.INTERNAL, "starting the sandbox: " + e.getMessage(), e));
    }
  }

  private Mount guestMount(Json.Obj mount) {
    List<String> options = mount.strings("options");
    String source = mount.string("source");
    if (isBind(mount)) {
      boolean readOnly = options.contains("ro") || options.contains("rro");
      source = vm.shares().add(source, readOnly, !options.contains("bind"));
    }
    return Mount.builder()
        .destination(mount.string("destination"))
        .type(mount.string("type"))
        .source(source)
        .options(options)
        .build();
  }

  private void vmEvent(VmEvent event) {
    if (event instanceof VmEvent.Exited exited) {
      // On the VM's own thread: hand over and return.
      Threads.start("vm-exit", () -> vmExited(exited));
    }
  }

  private void vmExited(VmEvent.Exited exited) {
    GuestContainer container = created.getNow(null);
    if (container != null) {
      if (container.init().running()) {
        synchronized (this) {
          if (state.alive() && finished.getCount() > 0) {
            state =
                state.ended(
                    GuestProcess.LOST_STATUS,
                    SandboxVm.endedUnderContainer(exited.exit()),
                    System.currentTimeMillis(),
                    false);
            store.update(config.id(), state);
          }
        }
      }
      vm.disconnectAgent();
      container.lost();
    }
    if (created.isDone() || !createRequested) {
      finished.countDown();
    }
  }

  /** Makes the container; waits for the VM. */
  void create(Stdio stdio) {
    synchronized (this) {
      if (createRequested) {
        throw CasemateException.of(
            Kind.ALREADY_EXISTS, "container " + config.shortId() + " has been created already");
      }
      createRequested = true;
    }
    try {
      await(booted);
      log = Optional.of(new ContainerLog(paths.container(config.id()) + "/output.log"));
      GuestContainer container = new GuestContainer(config.id(), vm, spec, stdio);
      container.create(mounts);
      createdMicros = Machine.monotonicMicros();
      created.complete(container);
    } catch (RuntimeException e) {
      CasemateException failure =
          e instanceof CasemateException known
              ? known
              : e instanceof RpcException remote
                  ? RpcErrors.fromRpc(remote)
                  : CasemateException.of(
                      Kind.INTERNAL, "creating the container: " + e.getMessage(), e);
      fail(failure);
      throw failure;
    }
  }

  private void fail(CasemateException failure) {
    String message = failure.getMessage() == null ? "" : failure.getMessage();
    created.completeExceptionally(failure);
    update(state.ended(startExitCode(failure.kind()), message, System.currentTimeMillis(), false));
    // The answer must be out before the process ends.
    Threads.start("fail", () -> shutdown(message));
  }

  /** The exit status that Docker gives a container whose command could not be started. */
  static int startExitCode(Kind kind) {
    return switch (kind) {
      case COMMAND_NOT_FOUND -> 127;
      case COMMAND_NOT_EXECUTABLE -> 126;
      default -> 125;
    };
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CasemateException.of(Kind.UNAVAILABLE, "interrupted while the sandbox starts", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CasemateException known) {
        throw known;
      }
      throw CasemateException.of(Kind.INTERNAL, "starting the sandbox: " + e.getCause(), e);
    }
  }

  /** Executes the container's command. */
  void start() {
    try {
      container().start(log, this::initEnded);
    } catch (RpcException e) {
      CasemateException failure = RpcErrors.fromRpc(e);
      fail(failure);
      throw failure;
    }
    StartTimings timings =
        new StartTimings(
            commandStartMicros,
            mainMicros,
            vm.launchedMicros(),
            vm.agentMainMicros(),
            vm.agentReadyMicros(),
            createdMicros,
            Machine.monotonicMicros());
    synchronized (this) {
      // It may have ended already.
      ContainerState started =
          state.started(System.currentTimeMillis(), timings).owned(state.pid(), vm.address());
      ContainerState next =
          state.alive()
              ? started
              : started.ended(
                  state.exitCode(), state.error(), state.finishedMillis(), state.oomKilled());
      state = next;
      store.update(config.id(), next);
    }
  }

  private void initEnded() {
    int status = container().init().exitStatus();
    // The agent's silence may be noticed before the end of its VM is.
    String reason = container().init().wasLost() ? vm.whyLost() : "";
    synchronized (this) {
      if (state.alive()) {
        state = state.ended(status, reason, container().init().exitedMillis(), false);
        store.update(config.id(), state);
      }
    }
    finished.countDown();
  }

  /** The container, once it has been created. */
  GuestContainer container() {
    GuestContainer container = created.isCompletedExceptionally() ? null : created.getNow(null);
    if (container == null) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "container " + config.shortId() + " has not been created yet");
    }
    return container;
  }

  /** Runs something that blocks and whose answer must go out before the process ends. */
  void whileWaiting(Runnable blocking) {
    unanswered.incrementAndGet();
    try {
      blocking.run();
    } finally {
      unanswered.decrementAndGet();
    }
  }

  void kill(String execId, int signal, boolean all) {
    if (!created.isDone()) {
      // Nothing runs yet: a signal that would end the workload ends the start.
      if (signal == Signals.KILL || signal == Signals.TERM || signal == Signals.INT) {
        shutdown("it was killed while it started");
      }
      return;
    }
    try {
      container().signal(execId, signal, all);
    } catch (RpcException e) {
      if (signal != Signals.KILL
          || !execId.isEmpty()
          || e.status() != RpcStatus.DEADLINE_EXCEEDED) {
        throw e;
      }
      shutdown("the guest did not answer SIGKILL: its VM was ended");
    }
  }

  void pause() {
    container().pause();
    update(state.withPhase(ContainerState.Phase.PAUSED));
  }

  void resume() {
    container().resume();
    update(state.withPhase(ContainerState.Phase.RUNNING));
  }

  void resize(String execId, int rows, int columns) {
    vm.agent().resize(config.id(), execId, rows, columns);
  }

  void closeStdin(String execId) {
    vm.agent().closeStdin(config.id(), execId);
  }

  Json.Obj describe() {
    return vm.describe();
  }

  /** Ends the sandbox; {@code reason} is noted if the container had not ended by itself. */
  void shutdown(String reason) {
    synchronized (this) {
      if (state.alive()) {
        state = state.ended(GuestProcess.LOST_STATUS, reason, System.currentTimeMillis(), false);
        store.update(config.id(), state);
      }
    }
    finished.countDown();
  }

  private synchronized void update(ContainerState next) {
    state =
        new ContainerState(
            next.phase(),
            next.pid(),
            next.exitCode(),
            next.error(),
            next.startedMillis(),
            next.finishedMillis(),
            vm.address(),
            next.oomKilled(),
            next.timings());
    store.update(config.id(), state);
  }

  private void end() {
    shutdown("nobody created the container in time");
    vm.close();
    log.ifPresent(ContainerLog::close);
    long deadline = System.nanoTime() + ANSWER_GRACE_MILLIS * 1_000_000;
    while (unanswered.get() > 0 && System.nanoTime() < deadline) {
      LockSupport.parkNanos(2_000_000);
    }
    if (config.scratchMib() > 0) {
      Fs.unlinkIfExists(paths.container(config.id()) + "/scratch.ext4");
    }
    if (config.autoRemove()) {
      store.remove(new ContainerRecord(config, state));
    }
    Fs.removeTree(paths.sandbox(config.id()));
  }
}
