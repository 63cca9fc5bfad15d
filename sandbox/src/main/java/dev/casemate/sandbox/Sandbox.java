package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.VmEvent;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Signals;
import dev.casemate.rpc.RpcException;
import dev.casemate.vmms.Vmms;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A VM and the containers in it, as the process that owns them sees them: one for {@code casemate
 * run}, those of a pod for the shim.
 *
 * <p>{@link #boot} starts the VM before the first container is requested; later calls report an
 * error of the boot. Calls for one container do not wait for those of another.
 */
public final class Sandbox implements AutoCloseable {
  private static final int CONTAINERS_LIMIT = 1024;

  private final SandboxConfig config;
  private final SandboxVm vm;
  private final SandboxListener listener;
  private final CompletableFuture<Void> booted = new CompletableFuture<>();
  private final CompletableFuture<String> ended = new CompletableFuture<>();
  private final Map<String, Slot> containers = new ConcurrentHashMap<>();
  private final AtomicBoolean watchesMemory = new AtomicBoolean();
  private final LoopbackRelays relays;
  private final Kills kills;

  private final Object checkpoints = new Object();

  /** A container's place: taken at once, filled when the guest has made it. */
  private static final class Slot {
    private volatile Optional<GuestContainer> container = Optional.empty();
  }

  /**
   * A sandbox with the VMM that its configuration names.
   *
   * @throws CasemateException INVALID_ARGUMENT if there is no such VMM
   */
  public Sandbox(SandboxPaths paths, SandboxConfig config, SandboxListener listener) {
    this(paths, config, Vmms.named(config.vm().hypervisor()), listener);
  }

  /** A sandbox with a given VMM. */
  public Sandbox(SandboxPaths paths, SandboxConfig config, Vmm vmm, SandboxListener listener) {
    this.config = config;
    this.vm = new SandboxVm(paths, config, vmm, listener::warning);
    this.listener = listener;
    this.relays = new LoopbackRelays(this);
    this.kills = new Kills(this, listener);
  }

  public SandboxConfig config() {
    return config;
  }

  /** The VM with its shares, disks and network. */
  public SandboxVm vm() {
    return vm;
  }

  /**
   * Starts the VM on a thread of its own.
   *
   * @param hostname the VM's, which is that of a pod
   * @param prepare adds the disks and shares that the VM is to have at its start; is called again
   *     if the VM starts as a copy of a template and that proves to be of no use
   */
  public void boot(String hostname, Consumer<SandboxVm> prepare) {
    Threads.start("boot", () -> launchAndAwait(hostname, prepare));
  }

  /** Starts the VM from a checkpoint instead. */
  public void restore(VmRestore checkpoint) {
    vm.restoreFrom(checkpoint);
    boot("", prepared -> {});
  }

  private void launchAndAwait(String hostname, Consumer<SandboxVm> prepare) {
    try {
      vm.start(hostname, prepare, this::vmEvent);
      booted.complete(null);
    } catch (CasemateException e) {
      booted.completeExceptionally(e);
    } catch (RpcException e) {
      booted.completeExceptionally(RpcErrors.fromRpc(e));
    } catch (RuntimeException | Error e) {
      booted.completeExceptionally(
          CasemateException.of(Kind.INTERNAL, "starting the sandbox: " + e.getMessage(), e));
    }
  }

  /** Waits until the guest's agent has answered; throws the error of the boot if that failed. */
  public void awaitBoot() {
    try {
      booted.get();
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

  /** Whether the agent has answered and the VM has not ended since. */
  public boolean isReady() {
    return booted.isDone() && !booted.isCompletedExceptionally() && !ended.isDone();
  }

  /** The VMM's process, 0 before it exists. */
  public int vmmPid() {
    return vm.pid();
  }

  private void vmEvent(VmEvent event) {
    if (event instanceof VmEvent.Exited exited) {
      // On the VM's own thread: hand over and return.
      Threads.start("vm-exit", () -> vmExited(exited));
    }
  }

  private void vmExited(VmEvent.Exited exited) {
    String cause = exited.exit().describe();
    ended.complete(cause);
    listener.vmEnded(exited.exit(), cause);
    vm.disconnectAgent();
    for (GuestContainer container : containers()) {
      container.lost();
    }
  }

  /** Waits until the VM has ended, or was closed. */
  public void awaitVmEnd() {
    try {
      ended.get();
    } catch (InterruptedException | ExecutionException e) {
      throw CasemateException.of(Kind.UNAVAILABLE, "interrupted while waiting for the VM", e);
    }
  }

  /** Why the VM ended; empty while it runs. */
  public Optional<String> endCause() {
    return Optional.ofNullable(ended.getNow(null));
  }

  /** {@link #endCause}, of a VM that may just be ending. */
  Optional<String> awaitEndCause(long millis) {
    try {
      return Optional.of(ended.get(millis, TimeUnit.MILLISECONDS));
    } catch (TimeoutException e) {
      return Optional.empty();
    } catch (InterruptedException | ExecutionException e) {
      throw CasemateException.of(Kind.UNAVAILABLE, "interrupted while waiting for the VM", e);
    }
  }

  /**
   * Creates a container; waits for the VM. Without the command's execution, which {@link
   * GuestContainer#start} begins.
   *
   * @param plan is asked for once the guest is ready
   */
  public GuestContainer create(String id, Function<SandboxVm, ContainerPlan> plan) {
    return create(id, plan, Optional.empty());
  }

  /** Takes over the container that came with a restored VM; it runs from its start on. */
  public GuestContainer adopt(String id, ContainerPlan plan, VmRestore checkpoint) {
    return create(
        id,
        ready -> {
          ready.volumes().adoptDisks(id, checkpoint.disks());
          return plan;
        },
        Optional.of(checkpoint.container().guestId()));
  }

  private GuestContainer create(
      String id, Function<SandboxVm, ContainerPlan> plan, Optional<String> restoredAs) {
    if (containers.size() >= CONTAINERS_LIMIT) {
      throw CasemateException.of(
          Kind.RESOURCE_EXHAUSTED,
          "the sandbox already has " + CONTAINERS_LIMIT + " containers; delete some");
    }
    Slot slot = new Slot();
    if (containers.putIfAbsent(id, slot) != null) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "container " + id + " already exists; delete it first");
    }
    try {
      awaitBoot();
      endCause()
          .ifPresent(
              cause -> {
                throw CasemateException.of(
                    Kind.UNAVAILABLE, "the sandbox's VM has ended: " + cause);
              });
      GuestContainer container = new GuestContainer(vm, plan.apply(vm), restoredAs, listener);
      if (!container.plan().weightless()) {
        vm.containerLimits(id, container.limits());
      }
      try {
        make(container);
      } catch (RuntimeException e) {
        vm.containerGone(id);
        throw e;
      }
      slot.container = Optional.of(container);
      listener.created(container);
      if (ended.isDone()) {
        container.lost();
      }
      return container;
    } catch (RpcException e) {
      vm.releaseVolumes(id);
      containers.remove(id, slot);
      throw RpcErrors.fromRpc(e);
    } catch (RuntimeException e) {
      vm.releaseVolumes(id);
      containers.remove(id, slot);
      throw e;
    }
  }

  /** Runs the hooks of the creation and makes the container in the guest. */
  private void make(GuestContainer container) {
    if (container.isRestored()) {
      container.create();
      return;
    }
    HostHooks hooks = HostHooks.of(container.plan());
    hooks.check();
    try {
      hooks.create(vm.pid());
      container.create();
    } catch (RuntimeException e) {
      hooks.stopped(listener::warning);
      throw e;
    }
  }

  /**
   * A container that has been created.
   *
   * @throws CasemateException NOT_FOUND if there is no container with this id
   */
  public GuestContainer container(String id) {
    return find(id)
        .orElseThrow(
            () ->
                CasemateException.of(
                    Kind.NOT_FOUND,
                    "container " + id + " is not in this sandbox, or is still being created"));
  }

  public Optional<GuestContainer> find(String id) {
    Slot slot = containers.get(id);
    return slot == null ? Optional.empty() : slot.container;
  }

  /** By the name that the guest has for it. */
  Optional<GuestContainer> findInGuest(String guestId) {
    for (GuestContainer container : containers()) {
      if (container.guestId().equals(guestId)) {
        return Optional.of(container);
      }
    }
    return Optional.empty();
  }

  /** The containers that have been created and not deleted, in no particular order. */
  public List<GuestContainer> containers() {
    List<GuestContainer> all = new ArrayList<>();
    for (Slot slot : containers.values()) {
      slot.container.ifPresent(all::add);
    }
    return all;
  }

  /** Whether no container exists or is being created. */
  public boolean isEmpty() {
    return containers.isEmpty();
  }

  /**
   * Resizes the VM for a pod's limits, in addition to those of its containers.
   *
   * @param limits in the form of {@code linux.resources}; memory and cpu count
   * @return what the VM has now
   */
  public VmSize update(Json.Obj limits) {
    awaitBoot();
    vm.podLimits(limits);
    return vm.size();
  }

  /** Executes a container's command. */
  public void execute(GuestContainer container) {
    try {
      vm.refreshNetwork();
    } catch (CasemateException | LinuxException | RpcException e) {
      listener.warning("the network of container " + container.id() + ": " + e.getMessage());
    }
    relays.before(container);
    vm.before(container.plan().spec());
    container.start();
    relays.after(container);
    if (!container.isRestored()) {
      poststart(container);
    }
    // Not before: it has no place on the way to the first byte.
    if (!watchesMemory.getAndSet(true)) {
      Threads.start(
          "oom", new OomPump(vm.agent(), id -> findInGuest(id).map(c -> c), listener::warning));
      vm.settle();
      IdleMemory.settleLater(vm::trim);
    }
  }

  /** A hook that fails ends the container, as the specification has it. */
  private void poststart(GuestContainer container) {
    try {
      HostHooks.of(container.plan()).started(vm.pid());
    } catch (CasemateException e) {
      kill(container, "", Signals.KILL, true);
      throw e;
    }
  }

  /**
   * Sends a signal. If a guest does not answer a KILL, or does not report in time the end of a
   * container that it has killed, the sandbox ends the VM, so that everyone who waits for that end
   * gets an answer.
   */
  public void kill(GuestContainer container, String execId, int signal, boolean all) {
    kills.kill(container, execId, signal, all);
  }

  /**
   * Removes a container that does not run.
   *
   * @throws CasemateException FAILED_PRECONDITION if it runs
   */
  public void delete(GuestContainer container) {
    container.remove(!ended.isDone());
    vm.releaseVolumes(container.id());
    containers.remove(container.id());
    if (!ended.isDone()) {
      vm.containerGone(container.id());
    }
    HostHooks.of(container.plan()).stopped(listener::warning);
    listener.deleted(container, container.init());
  }

  /**
   * Saves the VM with its one container.
   *
   * @param directory exists; see {@link VmCheckpoint}
   * @param keep whether VM and container continue to run afterwards; otherwise the VM ends
   * @throws CasemateException FAILED_PRECONDITION if this one cannot be saved
   */
  public void checkpoint(GuestContainer container, String directory, boolean keep) {
    if (containers.size() != 1) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "container "
              + container.id()
              + " cannot be checkpointed: its VM has "
              + containers.size()
              + " containers, and only a VM with one container can be saved");
    }
    synchronized (checkpoints) {
      container.whileFrozen(
          () -> {
            new CheckpointWriter(vm, config).write(directory, container, keep);
            listener.checkpointed(container, directory);
            if (!keep) {
              vm.kill();
            }
          });
    }
  }

  /** Tells what does not keep anything from going on. */
  void warn(String message) {
    listener.warning(message);
  }

  /** The VM's part of the output of {@code inspect}. */
  public Json.Obj describe() {
    return vm.describe();
  }

  /** What the sandbox costs the host; empty while it has no VMM. */
  public Optional<HostUse> hostUse() {
    return vm.hostUse();
  }

  /** When the stages of a start ended: the VM's are known here, the others to the caller. */
  public StartTimings timings(long command, long main, long created, long started) {
    return new StartTimings(
        command,
        main,
        vm.launchedMicros(),
        vm.booted().map(GuestBoot::agentMainMicros).orElse(0L),
        vm.booted().map(GuestBoot::agentReadyMicros).orElse(0L),
        created,
        started);
  }

  /** {@link #close} without a shutdown request, for a guest that has nothing to save. */
  public void discard() {
    vm.kill();
    close();
  }

  /** Ends the VM and gives back all that it had on the host. Safe to repeat. */
  @Override
  public void close() {
    relays.close();
    vm.close();
    // Without a VM, no other thread reports its end.
    ended.complete("it was closed");
  }
}
