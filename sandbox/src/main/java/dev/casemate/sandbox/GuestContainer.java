package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.linux.Signals;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.CreateContainerRequest;
import dev.casemate.protocol.agent.ListProcessesRequest;
import dev.casemate.protocol.agent.ListProcessesResponse;
import dev.casemate.protocol.agent.PauseContainerRequest;
import dev.casemate.protocol.agent.RemoveContainerRequest;
import dev.casemate.protocol.agent.ResumeContainerRequest;
import dev.casemate.protocol.agent.StartContainerRequest;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.agent.UpdateContainerRequest;
import dev.casemate.protocol.casemate.ArchiveRequest;
import dev.casemate.protocol.casemate.ArchiveResponse;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import dev.casemate.specmapping.SpecMapping;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** A container in the guest: its init process and those that were added to it. */
public final class GuestContainer implements OomPump.Subject {
  /** A guest that does not even answer a KILL is not waited for. */
  private static final int KILL_TIMEOUT_MILLIS = 3_000;

  private static final int REMOVE_TIMEOUT_MILLIS = 15_000;

  private final ContainerPlan plan;
  private final String id;
  private final Optional<String> restoredAs;
  private final SandboxVm vm;
  private final SandboxListener listener;
  private final Spec spec;
  private final GuestProcess init;
  private final ContainerExecs execs;
  private final AtomicBoolean started = new AtomicBoolean();
  private final AtomicBoolean killed = new AtomicBoolean();
  private final PendingSignals pendingSignals = new PendingSignals();
  private volatile Json.Obj limits;
  private volatile boolean paused;
  private volatile boolean outOfMemory;

  /**
   * A container to be created.
   *
   * @param restoredAs the guest's name of one that a restored VM has already
   */
  GuestContainer(
      SandboxVm vm, ContainerPlan plan, Optional<String> restoredAs, SandboxListener listener) {
    this.plan = plan;
    this.id = plan.id();
    this.restoredAs = restoredAs;
    this.vm = vm;
    this.listener = listener;
    this.spec = plan.spec();
    this.limits = spec.linux().resources().toJson();
    this.execs = new ContainerExecs(vm.agent(), id, guestId());
    this.init = new GuestProcess(vm.agent(), id, guestId(), "", plan.stdio());
  }

  public String id() {
    return id;
  }

  /** The guest's name of it: another than the host's if it was restored. */
  String guestId() {
    return restoredAs.orElse(id);
  }

  /** Whether it came with a VM that was saved: most of its hooks have run in its first life. */
  boolean isRestored() {
    return restoredAs.isPresent();
  }

  public ContainerPlan plan() {
    return plan;
  }

  /** Makes the container in the guest: everything but the execution of its command. */
  void create() {
    init.openOutputs();
    if (restoredAs.isPresent()) {
      return;
    }
    try {
      createInGuest();
    } catch (RuntimeException e) {
      init.close();
      throw e;
    }
  }

  private void createInGuest() {
    Spec wanted =
        spec.process()
            .map(p -> spec.withProcess(GuestSpec.withTerminal(p, plan.stdio().terminal())))
            .orElse(spec);
    Spec guestSpec =
        GuestSpec.of(
            wanted,
            plan.root().path(),
            HostFiles.add(vm, id, spec, plan.mounts()),
            plan.scope(),
            this::warn);
    List<Storage> storages = new ArrayList<>(plan.root().storages());
    storages.addAll(plan.storages());
    CreateContainerRequest.Builder request =
        CreateContainerRequest.builder()
            .containerId(guestId())
            .execId(id)
            .storages(storages)
            .devices(plan.devices())
            .sandboxPidns(plan.scope().pids() == NamespaceScope.Pids.SHARED)
            .oci(SpecMapping.toMessage(guestSpec));
    spec.process().flatMap(GuestSpec::user).ifPresent(request::stringUser);
    vm.agent().createContainer(request.build());
  }

  /** {@code linux.resources} of its specification, with what was updated since. */
  Json.Obj limits() {
    return limits;
  }

  private void warn(String message) {
    listener.warning("container " + id + ": " + message);
  }

  void start() {
    if (init.hasEnded() || started.getAndSet(true)) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "container " + id + " has already been started");
    }
    if (restoredAs.isPresent()) {
      resumeInGuest();
    } else {
      startInGuest();
    }
    init.running(true);
    listener.started(this);
    init.attach(plan.log(), this::beforeEnd, this::exited);
  }

  private void exited() {
    pendingSignals.settle();
    listener.exited(this, init);
  }

  PendingSignals pendingSignals() {
    return pendingSignals;
  }

  private void startInGuest() {
    try {
      vm.agent()
          .call(
              AgentService.START_CONTAINER,
              StartContainerRequest.builder().containerId(guestId()).build());
    } catch (RpcException e) {
      // A hook or the execution has failed: the first process is gone, or must go. Engines that
      // clean up wait for its end.
      try {
        vm.agent().signal(guestId(), "", Signals.KILL, KILL_TIMEOUT_MILLIS);
      } catch (RpcException gone) {
        // Then there is nothing to kill.
      }
      lost();
      throw e;
    }
  }

  public GuestProcess init() {
    return init;
  }

  public boolean paused() {
    return paused;
  }

  /** Whether the guest's kernel has killed a process of it for lack of memory. */
  @Override
  public boolean wasOutOfMemory() {
    return outOfMemory;
  }

  @Override
  public synchronized void outOfMemory() {
    if (!outOfMemory || !init.hasEnded()) {
      outOfMemory = true;
      listener.outOfMemory(this);
    }
  }

  /**
   * Engines look for the cause of an end when they are told of it: for what may be lack of memory,
   * whose event is still on its way then, the guest is asked.
   */
  private synchronized void beforeEnd(int status) {
    if (status == GuestProcess.LOST_STATUS
        && !outOfMemory
        && GuestStats.wasOutOfMemory(vm.agent(), guestId())) {
      outOfMemory();
    }
  }

  /** The init process for an empty exec id, else the exec. */
  public GuestProcess process(String execId) {
    return execId.isEmpty() ? init : execs.find(execId);
  }

  /** Its execs that have not been removed. */
  public List<GuestProcess> execs() {
    return execs.all();
  }

  /** Registers an exec; it starts with {@link #startExec}. */
  public void addExec(String execId, Stdio stdio, Json.Obj process) {
    requireRunning("exec");
    ProcessSpec wanted = GuestSpec.withTerminal(ProcessSpec.fromJson(process), stdio.terminal());
    execs.add(execId, stdio, GuestSpec.process(wanted, this::warn));
    listener.execAdded(this, execId);
  }

  public void startExec(String execId) {
    GuestProcess exec = execs.start(execId);
    listener.execStarted(this, execId);
    exec.attach(Optional.empty(), () -> listener.exited(this, exec));
  }

  /** Starts a tar stream as an exec. */
  public ArchiveResponse startArchive(ArchiveRequest request, Stdio stdio) {
    requireRunning("cp");
    return execs.startArchive(request, stdio);
  }

  public void removeExec(String execId) {
    listener.deleted(this, execs.remove(execId));
  }

  /** Ends what is left of it in the guest. */
  void remove(boolean guestLives) {
    if (init.running()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "container " + id + " is still running; kill it before deleting it");
    }
    if (guestLives) {
      removeFromGuest();
    }
    lost();
    for (GuestProcess exec : execs.all()) {
      exec.close();
    }
    init.close();
  }

  /** A guest that answers may take its time; one that does not is ended, as for SIGKILL. */
  private void removeFromGuest() {
    try {
      vm.agent().check(KILL_TIMEOUT_MILLIS);
    } catch (RpcException e) {
      if (e.status() == RpcStatus.DEADLINE_EXCEEDED) {
        vm.kill();
      }
      return;
    }
    try {
      vm.agent()
          .call(
              AgentService.NAME,
              AgentService.REMOVE_CONTAINER,
              RemoveContainerRequest.builder().containerId(guestId()).build(),
              REMOVE_TIMEOUT_MILLIS);
    } catch (RpcException e) {
      // Gone already, or with a VM that is just ending; a guest that keeps it only costs itself.
    }
  }

  /** Whether its end has yet to be reported, and no other thread does that already. */
  boolean awaitsEnd() {
    return init.running() && !killed.getAndSet(true);
  }

  void signal(String execId, int signal, boolean all) {
    GuestProcess process = process(execId);
    if (process == init && !started.get() && !init.hasEnded()) {
      // What waits to be started ends by any signal that would end it.
      if (signal == Signals.KILL || signal == Signals.TERM) {
        vm.agent().signal(guestId(), "", Signals.KILL, KILL_TIMEOUT_MILLIS);
        lost();
      }
      return;
    }
    if (!process.running()) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          (execId.isEmpty() ? "container " + id : "exec \"" + execId + "\"")
              + " is not running: there is nothing to signal");
    }
    // The agent kills a container's whole cgroup when init is sent KILL; a paused one must wake to
    // die.
    if (paused && signal == Signals.KILL) {
      resumeInGuest(KILL_TIMEOUT_MILLIS);
      paused = false;
      listener.resumed(this);
    }
    vm.agent()
        .signal(
            guestId(),
            all ? "" : execId,
            signal,
            signal == Signals.KILL ? KILL_TIMEOUT_MILLIS : AgentClient.CALL_TIMEOUT_MILLIS);
  }

  public void pause() {
    requireRunning("pause");
    pauseInGuest();
    paused = true;
    listener.paused(this);
  }

  private void pauseInGuest() {
    vm.agent()
        .call(
            AgentService.PAUSE_CONTAINER,
            PauseContainerRequest.builder().containerId(guestId()).build());
  }

  private void resumeInGuest() {
    resumeInGuest(AgentClient.CALL_TIMEOUT_MILLIS);
  }

  private void resumeInGuest(int timeoutMillis) {
    vm.agent()
        .call(
            AgentService.NAME,
            AgentService.RESUME_CONTAINER,
            ResumeContainerRequest.builder().containerId(guestId()).build(),
            timeoutMillis);
  }

  /** Does something while it is frozen; whether it runs afterwards is what it did before. */
  void whileFrozen(Runnable action) {
    requireRunning("checkpoint");
    if (paused) {
      action.run();
      return;
    }
    pauseInGuest();
    try {
      action.run();
    } finally {
      if (vm.machine().exit().isEmpty()) {
        resumeInGuest();
      }
    }
  }

  public void resume() {
    requireRunning("resume");
    resumeInGuest();
    paused = false;
    listener.resumed(this);
  }

  public void resize(String execId, int rows, int columns) {
    vm.agent().resize(guestId(), execId, rows, columns);
  }

  public void closeStdin(String execId) {
    process(execId).closeInput();
  }

  public void update(Json.Obj resources) {
    requireRunning("update");
    Resources wanted = GuestSpec.resources(Resources.fromJson(resources), this::warn);
    // More room before the limit that needs it.
    limits = merged(limits, resources);
    vm.containerLimits(id, limits);
    vm.agent()
        .call(
            AgentService.UPDATE_CONTAINER,
            UpdateContainerRequest.builder()
                .containerId(guestId())
                .resources(SpecMapping.toMessage(wanted))
                .resourcesRest(SpecMapping.rest(wanted))
                .build());
  }

  /** The limits with what an update says beside or instead of them. */
  private static Json.Obj merged(Json.Obj limits, Json.Obj update) {
    Json.Obj all = new Json.Obj();
    limits.fields().forEach(all::put);
    update.fields().forEach(all::put);
    for (String part : List.of("memory", "cpu")) {
      Json.Obj joined = new Json.Obj();
      limits.object(part).ifPresent(old -> old.fields().forEach(joined::put));
      update.object(part).ifPresent(changed -> changed.fields().forEach(joined::put));
      all.put(part, joined);
    }
    return all;
  }

  /** Usage of CPU, memory, processes, disks and network, as the guest's kernel counts it. */
  public StatsContainerResponse stats() {
    requireRunning("stats");
    return GuestStats.of(vm.agent(), guestId());
  }

  /** The guest's list of this container's processes, as JSON text. */
  public String processes() {
    requireRunning("top");
    ListProcessesResponse response =
        vm.agent()
            .ask(
                AgentService.NAME,
                AgentService.LIST_PROCESSES,
                ListProcessesRequest.builder().containerId(guestId()).format("json").build(),
                AgentClient.CALL_TIMEOUT_MILLIS,
                AgentClient.LIST_ANSWER,
                ListProcessesResponse::decode);
    return new String(response.processList(), StandardCharsets.UTF_8);
  }

  private void requireRunning(String what) {
    if (!init.running()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "container "
              + id.substring(0, Math.min(12, id.length()))
              + " is not running: "
              + what
              + " needs a running container");
    }
  }

  /** Its processes are gone: what was not started yet has ended, too. */
  void lost() {
    for (GuestProcess exec : execs.all()) {
      if (exec.lost()) {
        listener.exited(this, exec);
      }
    }
    if (init.lost()) {
      listener.exited(this, init);
    }
  }
}
