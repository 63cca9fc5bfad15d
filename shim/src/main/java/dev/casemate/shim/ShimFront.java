package dev.casemate.shim;

import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.oci.Json;
import dev.casemate.protocol.containerd.Mount;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CheckpointTaskRequest;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.sandbox.ContainerPlan;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.NamespaceScope;
import dev.casemate.sandbox.RootPlan;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.SandboxVm;
import dev.casemate.sandbox.Stdio;
import dev.casemate.sandbox.TaskFront;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/** The front of containerd: containers come with their bundles and mounts, one by one. */
final class ShimFront implements TaskFront {
  private final ShimRecord record;
  private final Sandbox sandbox;
  private final HostContainers hosts;
  private final ShimLife life;
  private final ShimLog log;
  private final AtomicInteger unanswered = new AtomicInteger();

  ShimFront(ShimRecord record, Sandbox sandbox, HostContainers hosts, ShimLife life, ShimLog log) {
    this.record = record;
    this.sandbox = sandbox;
    this.hosts = hosts;
    this.life = life;
    this.log = log;
  }

  @Override
  public Sandbox sandbox() {
    return sandbox;
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
    if (!request.checkpoint().isEmpty()) {
      throw Checkpoints.cannotRestore(request.checkpoint());
    }
    life.begin();
    try {
      if (!hosts.add(request)) {
        throw CasemateException.of(
            Kind.ALREADY_EXISTS, "container " + request.id() + " exists already; delete it first");
      }
      log.debug("create " + request.id());
      try {
        Json.Obj spec = new Bundle(request.bundle()).requireSpec();
        sandbox.create(request.id(), vm -> plan(vm, request, spec));
      } catch (RuntimeException e) {
        unshare(request.id());
        throw e;
      }
    } finally {
      life.end();
    }
  }

  private ContainerPlan plan(SandboxVm vm, CreateTaskRequest request, Json.Obj spec) {
    RootPlan root = root(vm, request, spec);
    HostMounts mounts = HostMounts.prepare(request.id(), spec, vm.shares(), hosts);
    return new ContainerPlan(
        request.id(),
        spec,
        root,
        mounts.storages(),
        mounts.mounts(),
        stdio(request.stdin(), request.stdout(), request.stderr(), request.terminal()),
        Optional.empty(),
        scope(request.id(), spec));
  }

  private static NamespaceScope scope(String id, Json.Obj spec) {
    Grouping grouping = Grouping.of(id, spec);
    if (!grouping.pod()) {
      return NamespaceScope.ALONE;
    }
    // The pause container's PID namespace is the one that others may join.
    boolean sharedPids = grouping.kind() == Grouping.Kind.SANDBOX;
    for (Json.Obj namespace : spec.object("linux").orElseGet(Json.Obj::new).objects("namespaces")) {
      if (namespace.string("type").equals("pid")) {
        sharedPids |= !namespace.string("path").isEmpty();
      }
    }
    return new NamespaceScope(true, sharedPids);
  }

  /** The snapshotter's mounts, or the directory that the engine has mounted already (Docker). */
  private RootPlan root(SandboxVm vm, CreateTaskRequest request, Json.Obj spec) {
    List<Mount> rootfs = request.rootfs();
    String guestPath;
    if (rootfs.isEmpty()) {
      String path = spec.object("root").map(root -> root.string("path")).orElse("");
      if (path.isEmpty()) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "container " + request.id() + " has no root: neither mounts nor root.path are given");
      }
      String absolute = path.startsWith("/") ? path : request.bundle() + "/" + path;
      guestPath = vm.shares().add(absolute, false, true);
    } else {
      guestPath = vm.shares().addMount(target -> RootMounts.mount(rootfs, target));
    }
    hosts.addShare(request.id(), guestPath);
    return RootPlan.shared(guestPath);
  }

  private void unshare(String id) {
    for (String guestPath : hosts.remove(id)) {
      sandbox.vm().shares().remove(guestPath);
    }
  }

  @Override
  public void delete(GuestContainer container) {
    sandbox.delete(container);
    unshare(container.id());
    log.debug("deleted " + container.id());
  }

  @Override
  public Any stats(GuestContainer container) {
    return Metrics.of(container.stats());
  }

  @Override
  public void checkpoint(GuestContainer container, CheckpointTaskRequest request) {
    throw Checkpoints.cannotSave(container.id());
  }

  @Override
  public void shutdown(boolean now) {
    if (now || sandbox.isEmpty()) {
      life.shutdown();
    }
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

  /** Calls that wait for the end of a process. */
  int unanswered() {
    return unanswered.get();
  }
}
