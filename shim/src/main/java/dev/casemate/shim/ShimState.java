package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Processes;
import dev.casemate.sandbox.HostCgroup;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.SandboxConfig;
import dev.casemate.sandbox.SandboxListener;
import dev.casemate.sandbox.SandboxPaths;
import java.util.Optional;

/**
 * The shim's sandbox, once there is one, and when the shim ends: when it is told to, or when it has
 * had nothing to do for long.
 */
final class ShimState {
  /**
   * containerd creates a task right after the shim's start, and tells the shim to end right after
   * the last one is deleted; one that does not has died, and older ones forget the shim then.
   */
  private static final long IDLE_LIMIT_NANOS = 30_000_000_000L;

  private final SandboxPaths paths;
  private final long idleLimitNanos;
  private final long beganMicros = Machine.monotonicMicros();
  private volatile Optional<Sandbox> sandbox = Optional.empty();
  private Optional<SandboxListener> listener = Optional.empty();
  private volatile Optional<CasemateException> failure = Optional.empty();
  private volatile Optional<String> podName = Optional.empty();

  private final Object life = new Object();
  private boolean over;

  /** Containers, those that are being made too, and calls of the sandbox service under way. */
  private int users;

  /** Whether the sandbox service has made a pod, which stays until a request ends it. */
  private boolean pod;

  private long idleSince = System.nanoTime();

  ShimState(SandboxPaths paths) {
    this(paths, IDLE_LIMIT_NANOS);
  }

  /**
   * @param idleLimitNanos how long the shim lives without anybody who uses it
   */
  ShimState(SandboxPaths paths, long idleLimitNanos) {
    this.paths = paths;
    this.idleLimitNanos = idleLimitNanos;
  }

  /** Makes the sandbox and begins to boot its VM. */
  synchronized Sandbox start(Boot boot, SandboxListener listener) {
    if (sandbox.isPresent()) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "sandbox " + boot.config().id() + " has already been created");
    }
    joinGroup(boot.node().cgroup());
    this.listener = Optional.of(listener);
    Sandbox made = new Sandbox(paths, boot.config(), listener);
    sandbox = Optional.of(made);
    made.boot(boot.hostname(), vm -> vm.sysctls(boot.sysctls()));
    return made;
  }

  /** Replaces an unused sandbox by another, which has not been started. */
  synchronized Sandbox restart(SandboxConfig config) {
    Sandbox before = require();
    if (!before.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "sandbox " + config.id() + " already has containers");
    }
    before.discard();
    Sandbox made = new Sandbox(paths, config, listener.orElseThrow());
    sandbox = Optional.of(made);
    return made;
  }

  /**
   * As {@link #restart(SandboxConfig)}, and begins to boot the VM of it, unless the one there is
   * just that.
   */
  synchronized void restart(Boot boot) {
    if (require().config().equals(boot.config())) {
      return;
    }
    joinGroup(boot.node().cgroup());
    restart(boot.config()).boot(boot.hostname(), vm -> vm.sysctls(boot.sysctls()));
  }

  /** Why the sandbox could not be made; the next call that creates a container fails with it. */
  void fail(CasemateException e) {
    failure = Optional.of(e);
  }

  /** The sandbox. */
  Sandbox require() {
    if (sandbox.isPresent()) {
      return sandbox.get();
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
    throw CasemateException.of(
        Kind.FAILED_PRECONDITION, "the sandbox has not been created: call CreateSandbox first");
  }

  Optional<Sandbox> find() {
    return sandbox;
  }

  /** The VMM's process; 0 before it exists. */
  int vmmPid() {
    return sandbox.map(Sandbox::vmmPid).orElse(0);
  }

  /** The sandbox is a pod without a pause container; its containers are given the pod's name. */
  void podWithoutPause(String name) {
    podName = Optional.of(name);
  }

  /** The sandbox service has made the pod: from now on the shim ends only on request. */
  void keepPod() {
    synchronized (life) {
      pod = true;
    }
  }

  /** Moves the shim, and with it all that it starts later, to where the configuration says. */
  private static void joinGroup(String path) {
    if (path.isEmpty()) {
      return;
    }
    try {
      HostCgroup.create(path).add(Processes.currentPid());
    } catch (CasemateException e) {
      throw CasemateException.of(
          e.kind(), "the shim cannot join the group of shim.cgroup: " + e.getMessage(), e);
    }
  }

  /** The name of a pod without a pause container; empty for any other sandbox. */
  Optional<String> podName() {
    return podName;
  }

  /** When the shim began, by the host's monotonic clock. */
  long beganMicros() {
    return beganMicros;
  }

  /** A caller uses the shim: until {@link #release} it ends only on request. */
  void use() {
    synchronized (life) {
      if (over) {
        throw CasemateException.of(
            Kind.UNAVAILABLE,
            "the shim is shutting down because it was unused for too long; start another");
      }
      users++;
    }
  }

  /** A caller has gone. After the last one the shim waits a while for a request to end. */
  void release() {
    synchronized (life) {
      users--;
      idleSince = System.nanoTime();
      life.notifyAll();
    }
  }

  /** Ends the VM. When it returns, the host has back what the VM had. */
  void stop() {
    sandbox.ifPresent(Sandbox::close);
  }

  /** Ends the VM, and then the process. */
  void shutdown() {
    stop();
    synchronized (life) {
      over = true;
      life.notifyAll();
    }
  }

  /** Waits for the end of the shim. */
  void await() throws InterruptedException {
    synchronized (life) {
      while (!over) {
        long left = idleLimitNanos - (System.nanoTime() - idleSince);
        if (users > 0 || pod) {
          life.wait();
        } else if (left > 0) {
          life.wait(left / 1_000_000 + 1);
        } else {
          over = true;
        }
      }
    }
  }
}
