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

/** The front of containerd: containers come with their bundles and mounts, one by one. */
final class ShimFront implements TaskFront {
  private final ShimRecord record;
  private final ShimState state;
  private final HostContainers hosts;
  private final ShimLog log;

  ShimFront(ShimRecord record, ShimState state, HostContainers hosts, ShimLog log) {
    this.record = record;
    this.state = state;
    this.hosts = hosts;
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
    if (!request.checkpoint().isEmpty()) {
      throw Checkpoints.cannotRestore(request.checkpoint());
    }
    state.use();
    Sandbox sandbox = state.require();
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
        scope(request.id(), spec),
        Grouping.of(request.id(), spec).kind() == Grouping.Kind.SANDBOX);
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
      state.require().vm().shares().remove(guestPath);
    }
  }

  @Override
  public void delete(GuestContainer container) {
    state.require().delete(container);
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
    if (now || hosts.isEmpty()) {
      state.shutdown();
    }
  }

  @Override
  public boolean forEngine() {
    return true;
  }
}
