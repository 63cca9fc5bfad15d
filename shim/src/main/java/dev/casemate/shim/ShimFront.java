package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Signals;
import dev.casemate.oci.Spec;
import dev.casemate.protocol.containerd.Mount;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CheckpointTaskRequest;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.sandbox.ContainerPlan;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.HostUse;
import dev.casemate.sandbox.HostView;
import dev.casemate.sandbox.RootPlan;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.SandboxVm;
import dev.casemate.sandbox.Stdio;
import dev.casemate.sandbox.VmRestore;
import dev.casemate.sandbox.Volumes;
import dev.casemate.task.TaskFront;
import java.util.List;
import java.util.Optional;

/** The front of containerd: containers come with their bundles and mounts, one by one. */
final class ShimFront implements TaskFront {
  private final ShimRecord record;
  private final SandboxPaths paths;
  private final ShimState state;
  private final HostContainers hosts;
  private final EngineViews views;
  private final ShimLog log;

  ShimFront(
      ShimRecord record,
      SandboxPaths paths,
      ShimState state,
      HostContainers hosts,
      EngineViews views,
      ShimLog log) {
    this.record = record;
    this.paths = paths;
    this.state = state;
    this.hosts = hosts;
    this.views = views;
    this.log = log;
  }

  @Override
  public Sandbox sandbox() {
    return state.require();
  }

  @Override
  public Stdio stdio(String stdin, String stdout, String stderr, boolean terminal) {
    return new Stdio(stdin, stdout, stderr, terminal, Optional.of(record.namespace()));
  }

  @Override
  public String bundle(String id) {
    return hosts.request(id).bundle();
  }

  @Override
  public void create(CreateTaskRequest request) {
    Identity.check("container id", request.id());
    state.use();
    boolean made = false;
    try {
      if (request.checkpoint().isEmpty()) {
        make(request);
      } else {
        restore(request);
      }
      made = true;
    } finally {
      if (!made) {
        state.release();
      }
    }
  }

  private void make(CreateTaskRequest request) {
    follow(request);
    Sandbox sandbox = state.require();
    if (!hosts.add(request)) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "container " + request.id() + " already exists; delete it first");
    }
    log.debug("create " + request.id());
    Bundle bundle = new Bundle(request.bundle());
    try (HostView view = views.take(request.id())) {
      Spec spec = bundle.requireSpec();
      bundle.owesHooks(request.id(), spec);
      sandbox.create(request.id(), vm -> plan(vm, request, spec, view));
    } catch (RuntimeException e) {
      hosts.remove(request.id());
      bundle.ranHooks();
      throw e;
    }
  }

  /** CRI-O says only now what containerd tells with the shim's start, when the VM boots already. */
  private void follow(CreateTaskRequest request) {
    RuntimeOptions options = RuntimeOptions.of(request.options());
    if (isUnused() && !options.isEmpty() && !options.isSameAs(record.options())) {
      log.debug("the options of " + request.id() + " differ from those the shim was started with");
      Spec spec = new Bundle(request.bundle()).requireSpec();
      state.restart(Boot.ofSpec(record, options, paths, spec));
    }
  }

  /**
   * Goes on from a checkpoint. All of it is read when this returns: engines remove it then. The VM
   * that was started before anybody knew of the checkpoint makes way.
   */
  private void restore(CreateTaskRequest request) {
    VmRestore checkpoint =
        VmRestore.of(request.checkpoint(), request.rootfs(), state.require().config());
    Spec spec = new Bundle(request.bundle()).requireSpec();
    if (checkpoint.container().terminal() != request.terminal()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "checkpoint "
              + request.checkpoint()
              + " is of a container "
              + (request.terminal() ? "without" : "with")
              + " a terminal: restore it as such");
    }
    if (Grouping.of(request.id(), spec).pod() || !hosts.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "checkpoint "
              + request.checkpoint()
              + " is of a VM with one container: it cannot be restored into a pod");
    }
    log.debug("restore " + request.id() + " from " + request.checkpoint());
    Sandbox sandbox = state.restart(checkpoint.config());
    if (!hosts.add(request)) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "container " + request.id() + " already exists; delete it first");
    }
    try {
      sandbox.restore(checkpoint);
      new Bundle(request.bundle()).owesHooks(request.id(), spec);
      sandbox.adopt(request.id(), restored(request, spec), checkpoint);
    } catch (RuntimeException e) {
      hosts.remove(request.id());
      throw e;
    }
  }

  private ContainerPlan restored(CreateTaskRequest request, Spec spec) {
    return new ContainerPlan(
        request.id(),
        request.bundle(),
        spec,
        new RootPlan(List.of(), ""),
        List.of(),
        List.of(),
        List.of(),
        stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal()),
        Optional.empty(),
        PodSpec.scope(Grouping.of(request.id(), spec), spec, false),
        false);
  }

  private ContainerPlan plan(SandboxVm vm, CreateTaskRequest request, Spec given, HostView view) {
    Spec spec = state.podName().map(name -> PodSpec.complete(given, name)).orElse(given);
    Grouping grouping = Grouping.of(request.id(), spec);
    RootPlan root = root(vm.volumes(), request, spec, view);
    Volumes.Prepared prepared = vm.volumes().prepare(request.id(), spec, view);
    return new ContainerPlan(
        request.id(),
        request.bundle(),
        prepared.spec(),
        root,
        prepared.storages(),
        prepared.devices(),
        prepared.mounts(),
        stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal()),
        Optional.empty(),
        PodSpec.scope(grouping, spec, state.podName().isPresent()),
        grouping.kind() == Grouping.Kind.SANDBOX);
  }

  /**
   * The snapshotter's disks or mounts, or the directory that the engine has mounted already
   * (Docker).
   */
  private static RootPlan root(
      Volumes volumes, CreateTaskRequest request, Spec spec, HostView view) {
    List<Mount> rootfs = request.rootfs();
    if (!rootfs.isEmpty()) {
      Optional<RootPlan> disks = volumes.root(request.id(), rootfs);
      if (disks.isPresent()) {
        return disks.get();
      }
      return RootPlan.shared(
          volumes.mountRoot(request.id(), target -> RootMounts.mount(rootfs, target)));
    }
    String path = spec.root().path();
    if (path.isEmpty()) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "container " + request.id() + " has no root: neither mounts nor root.path are given");
    }
    String absolute = path.startsWith("/") ? path : request.bundle() + "/" + path;
    return RootPlan.shared(volumes.shareRoot(request.id(), absolute, view));
  }

  @Override
  public void start(GuestContainer container) {
    Sandbox sandbox = state.require();
    sandbox.execute(container);
    if (log.isDebug() && hosts.isSingle()) {
      long now = Machine.monotonicMicros();
      long began = state.beganMicros();
      log.debug("stages in ms: " + sandbox.timings(began, began, now, now).stages());
    }
  }

  @Override
  public void delete(GuestContainer container) {
    state.require().delete(container);
    new Bundle(container.plan().bundle()).ranHooks();
    if (hosts.remove(container.id())) {
      state.release();
    }
    log.debug("deleted " + container.id());
  }

  /** containerd has died: its successor may look for the container, or know nothing of it. */
  @Override
  public void createdForNobody(CreateTaskRequest request) {
    log.warn(
        "container "
            + request.id()
            + " is removed: containerd disconnected before it received the response");
    Sandbox sandbox = state.require();
    GuestContainer container = sandbox.container(request.id());
    sandbox.kill(container, "", Signals.KILL, false);
    delete(container);
    shutdown(false);
  }

  /** A pod without a pause container lives on without containers, until ShutdownSandbox. */
  private boolean isUnused() {
    return hosts.isEmpty() && state.podName().isEmpty();
  }

  @Override
  public Any stats(GuestContainer container) {
    // The figures of one container carry the VM's cost, so that a sum counts it once.
    Optional<HostUse> host =
        container.id().equals(record.group()) ? state.require().hostUse() : Optional.empty();
    return Metrics.of(container.stats(), host);
  }

  @Override
  public void checkpoint(GuestContainer container, CheckpointTaskRequest request) {
    Checkpoints wanted = Checkpoints.of(request);
    state.require().checkpoint(container, wanted.directory(), wanted.keep());
    log.debug("checkpoint of " + container.id() + " in " + wanted.directory());
  }

  @Override
  public void shutdown(boolean now) {
    if (now || isUnused()) {
      state.shutdown();
    }
  }

  @Override
  public boolean forEngine() {
    return true;
  }
}
