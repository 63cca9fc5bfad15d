package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmExit;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.oci.MountSpec;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.agent.Storage;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CheckpointTaskRequest;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.rpc.RpcException;
import dev.casemate.sandbox.ContainerLog;
import dev.casemate.sandbox.ContainerPlan;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.GuestProcess;
import dev.casemate.sandbox.JailOptions;
import dev.casemate.sandbox.Leftovers;
import dev.casemate.sandbox.NamespaceScope;
import dev.casemate.sandbox.RootPlan;
import dev.casemate.sandbox.RpcErrors;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.SandboxConfig;
import dev.casemate.sandbox.SandboxListener;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.SandboxVm;
import dev.casemate.sandbox.ShareMode;
import dev.casemate.sandbox.SpecMounts;
import dev.casemate.sandbox.StartTimings;
import dev.casemate.sandbox.Stdio;
import dev.casemate.sandbox.Threads;
import dev.casemate.task.TaskFront;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The front of {@code casemate run}: one container a sandbox, and a record on disk that follows it.
 */
final class StandaloneFront implements TaskFront, SandboxListener {
  /** Type of the statistics: the agent's own message. */
  static final String STATS_TYPE = "grpc.StatsContainerResponse";

  /** A sandbox that receives no request ends by itself after this time. */
  private static final long CREATE_TIMEOUT_MILLIS = 60_000;

  private static final long ANSWER_GRACE_MILLIS = 2_000;

  private static final String ROOT_DISK = "root";
  private static final String SCRATCH_DISK = "scratch";

  private final SandboxPaths paths;
  private final ContainerStore store;
  private final ContainerConfig config;
  private final Spec spec;
  private final Sandbox sandbox;
  private final long commandStartMicros;
  private final long mainMicros;
  private final List<MountSpec> mounts = new ArrayList<>();
  private final CountDownLatch finished = new CountDownLatch(1);
  private final AtomicInteger unanswered = new AtomicInteger();
  private Optional<String> rootShare = Optional.empty();
  private Optional<ContainerLog> log = Optional.empty();
  private volatile long createdMicros;
  private volatile boolean createRequested;
  private ContainerState state;

  StandaloneFront(
      ContainerStore store, ContainerRecord record, Spec spec, long commandStartMicros) {
    this.paths = store.paths();
    this.store = store;
    this.config = record.config();
    this.spec = spec;
    this.commandStartMicros = commandStartMicros;
    this.mainMicros = Machine.monotonicMicros();
    this.state = record.state();
    this.sandbox =
        new Sandbox(
            paths,
            new SandboxConfig(
                config.id(),
                config.vm(),
                ContainerNetworks.parse(config),
                JailOptions.fromEnvironment().inGroup(JailOptions.groupIn("", config.id()))),
            this);
  }

  /** Whether the host has to share files: these need a mount namespace of the sandbox's own. */
  static boolean needsShares(ContainerConfig config, Spec spec) {
    if (config.rootfs() instanceof RootFs.Directory) {
      return true;
    }
    for (MountSpec mount : spec.mounts()) {
      if (SpecMounts.isBind(mount)
          && !mount.source().startsWith(GuestContract.imageVolumes(config.id()))) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Sandbox sandbox() {
    return sandbox;
  }

  /** Runs the sandbox until it is over, and leaves nothing behind. */
  void run() {
    update(state.owned(Processes.currentPid(), ""));
    sandbox.boot(spec.hostname(), this::prepare);
    try {
      awaitFinish();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    giveBack();
  }

  private void awaitFinish() throws InterruptedException {
    if (!finished.await(CREATE_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS) && !createRequested) {
      return;
    }
    finished.await();
  }

  /** Once more if the VM was a copy of a template that proved to be of no use. */
  private void prepare(SandboxVm vm) {
    mounts.clear();
    for (MountSpec mount : spec.mounts()) {
      // A volume that the image declares lies in the guest: the agent makes it on the scratch disk.
      mounts.add(
          mount.source().startsWith(GuestContract.imageVolumes(config.id()))
              ? mount
              : SpecMounts.translate(mount, vm.shares()));
    }
    switch (config.rootfs()) {
      case RootFs.Erofs erofs -> {
        vm.holdImage(erofs.path());
        vm.addDisk(new Device.Disk(ROOT_DISK, erofs.path(), true), "erofs");
      }
      case RootFs.Ext4 ext4 -> {
        vm.holdImage(ext4.path());
        vm.addDisk(new Device.Disk(ROOT_DISK, ext4.path(), true), "ext4");
      }
      case RootFs.Directory directory ->
          rootShare = Optional.of(vm.shares().add(directory.path(), ShareMode.IMAGE));
    }
    if (config.scratchMib() > 0) {
      String scratch = paths.container(config.id()) + "/scratch.ext4";
      Fs.unlinkIfExists(scratch);
      ScratchDisk.create(paths, config.scratchMib(), scratch);
      vm.addDisk(new Device.Disk(SCRATCH_DISK, scratch, false), "ext4");
    }
  }

  @Override
  public void create(CreateTaskRequest request) {
    synchronized (this) {
      if (createRequested) {
        throw CasemateException.of(
            Kind.ALREADY_EXISTS, "container " + config.shortId() + " has already been created");
      }
      createRequested = true;
    }
    try {
      sandbox.create(config.id(), vm -> plan(vm, request));
      createdMicros = Machine.monotonicMicros();
    } catch (CasemateException e) {
      fail(e);
      throw e;
    } catch (RuntimeException e) {
      CasemateException failure =
          CasemateException.of(Kind.INTERNAL, "creating the container: " + e.getMessage(), e);
      fail(failure);
      throw failure;
    }
  }

  private ContainerPlan plan(SandboxVm vm, CreateTaskRequest request) {
    log = Optional.of(new ContainerLog(paths.container(config.id()) + "/output.log"));
    return new ContainerPlan(
        config.id(),
        paths.container(config.id()),
        spec,
        root(vm),
        List.of(),
        List.of(),
        mounts,
        new Stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal()),
        log,
        NamespaceScope.ALONE,
        false);
  }

  /** How the guest mounts the container's root: read-only image below, scratch above. */
  private RootPlan root(SandboxVm vm) {
    String directory = GuestContract.CONTAINERS + config.id();
    List<Storage> storages = new ArrayList<>();
    String lower;
    if (rootShare.isPresent()) {
      // Behind the dot lies the file system that virtiofsd announces for a mount; overlayfs refuses
      // the automount point itself.
      lower = rootShare.get() + "/.";
    } else if (config.rootfs() instanceof RootFs.Ext4 ext4) {
      lower = directory + "/lower/" + ext4.directory();
      storages.add(
          vm.diskStorage(ROOT_DISK, "ext4", List.of("ro", "noload"), directory + "/lower"));
    } else {
      lower = directory + "/lower";
      storages.add(vm.diskStorage(ROOT_DISK, "erofs", List.of("ro"), lower));
    }
    String scratch = directory + "/scratch";
    if (config.scratchMib() > 0) {
      // Without a thread that fills inode tables behind the workload's back.
      storages.add(vm.diskStorage(SCRATCH_DISK, "ext4", List.of("noinit_itable"), scratch));
    } else {
      storages.add(
          Storage.builder()
              .driver("ephemeral")
              .source("tmpfs")
              .fstype("tmpfs")
              .options(List.of("mode=0755"))
              .mountPoint(scratch)
              .build());
    }
    storages.add(
        Storage.builder()
            .driver("overlayfs")
            .source("overlay")
            .fstype("overlay")
            .options(
                List.of(
                    "lowerdir=" + lower,
                    "upperdir=" + scratch + "/upper",
                    "workdir=" + scratch + "/work"))
            .mountPoint(directory + "/rootfs")
            .build());
    return new RootPlan(storages, directory + "/rootfs");
  }

  private void fail(CasemateException failure) {
    String message = failure.getMessage() == null ? "" : failure.getMessage();
    update(state.ended(startExitCode(failure.kind()), message, System.currentTimeMillis(), false));
    // The answer must be out before the process ends.
    Threads.start("fail", () -> endBecause(message));
  }

  /** The exit status that Docker gives a container whose command could not be started. */
  static int startExitCode(Kind kind) {
    return switch (kind) {
      case COMMAND_NOT_FOUND -> 127;
      case COMMAND_NOT_EXECUTABLE -> 126;
      default -> 125;
    };
  }

  @Override
  public void start(GuestContainer container) {
    try {
      sandbox.execute(container);
    } catch (RpcException e) {
      CasemateException failure = RpcErrors.fromRpc(e);
      fail(failure);
      throw failure;
    }
  }

  @Override
  public void started(GuestContainer container) {
    StartTimings timings =
        sandbox.timings(commandStartMicros, mainMicros, createdMicros, Machine.monotonicMicros());
    synchronized (this) {
      if (state.alive()) {
        state =
            state
                .started(System.currentTimeMillis(), timings)
                .owned(state.pid(), sandbox.vm().address());
        store.update(config.id(), state);
      }
    }
  }

  @Override
  public void exited(GuestContainer container, GuestProcess process) {
    if (process != container.init()) {
      return;
    }
    // The agent's silence may be noticed before the end of its VM is.
    String reason =
        process.wasLost() ? process.refusal().orElseGet(() -> sandbox.vm().whyLost()) : "";
    synchronized (this) {
      if (state.alive()) {
        state =
            state.ended(
                process.exitStatus(), reason, process.exitedMillis(), container.wasOutOfMemory());
        store.update(config.id(), state);
      }
    }
    finished.countDown();
  }

  @Override
  public void vmEnded(VmExit exit, String cause) {
    Optional<GuestContainer> container = sandbox.find(config.id());
    if (container.filter(c -> endedByItself(c.init())).isPresent()) {
      // Its end is known and on its way to exited().
      return;
    }
    synchronized (this) {
      if (container.isPresent() && state.alive() && finished.getCount() > 0) {
        state =
            state.ended(
                GuestProcess.LOST_STATUS,
                SandboxVm.endedUnderContainer(exit),
                System.currentTimeMillis(),
                false);
        store.update(config.id(), state);
      }
    }
    if (!createRequested || container.isPresent()) {
      finished.countDown();
    }
  }

  private static boolean endedByItself(GuestProcess process) {
    return process.exitedMillis() > 0 && !process.wasLost();
  }

  @Override
  public void kill(String id, String execId, int signal, boolean all) {
    Optional<GuestContainer> container = sandbox.find(config.id());
    if (container.isEmpty()) {
      // Nothing runs yet: a signal that would end the workload ends the start.
      if (signal == Signals.KILL || signal == Signals.TERM || signal == Signals.INT) {
        endBecause("it was killed while it started");
      }
      return;
    }
    sandbox.kill(container.get(), execId, signal, all);
  }

  @Override
  public void delete(GuestContainer container) {
    if (container.init().running()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "container " + config.shortId() + " is still running");
    }
    endBecause("");
  }

  @Override
  public Any stats(GuestContainer container) {
    return Any.builder().typeUrl(STATS_TYPE).value(container.stats().encode()).build();
  }

  @Override
  public void checkpoint(GuestContainer container, CheckpointTaskRequest request) {
    throw CasemateException.of(
        Kind.FAILED_PRECONDITION,
        "checkpoints of containers that casemate run has started are not supported");
  }

  @Override
  public void paused(GuestContainer container) {
    update(state.withPhase(ContainerState.Phase.PAUSED));
  }

  @Override
  public void resumed(GuestContainer container) {
    update(state.withPhase(ContainerState.Phase.RUNNING));
  }

  @Override
  public void whileWaiting(Runnable blocking) {
    unanswered.incrementAndGet();
    try {
      blocking.run();
    } finally {
      unanswered.decrementAndGet();
    }
  }

  @Override
  public void shutdown(boolean now) {
    endBecause("it was asked to shut down");
  }

  /**
   * Has {@link #run} end the sandbox; {@code reason} is noted if the container had not ended by
   * itself.
   */
  void endBecause(String reason) {
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
            sandbox.vm().address(),
            next.oomKilled(),
            next.timings());
    store.update(config.id(), state);
  }

  /** Closes the sandbox, and leaves on the host no more than the container's record. */
  private void giveBack() {
    endBecause("the container was not created in time");
    sandbox.close();
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
    Leftovers.removeDirectory(paths, config.id());
  }
}
