package dev.casemate.shim;

import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.SandboxConfig;
import dev.casemate.sandbox.SandboxListener;
import dev.casemate.sandbox.SandboxPaths;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The shim's sandbox, once there is one, and when the shim ends: when it is told to, or when nobody
 * has ever asked it for anything.
 */
final class ShimState {
  /** containerd creates a task right after the shim's start; one that does not has died. */
  private static final long UNUSED_LIMIT_SECONDS = 120;

  private final SandboxPaths paths;
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile Optional<Sandbox> sandbox = Optional.empty();
  private Optional<SandboxListener> listener = Optional.empty();
  private volatile Optional<CasemateException> failure = Optional.empty();
  private volatile Optional<String> podName = Optional.empty();
  private volatile boolean used;

  ShimState(SandboxPaths paths) {
    this.paths = paths;
  }

  /** Makes the sandbox and begins to boot its VM. */
  synchronized Sandbox start(Boot boot, SandboxListener listener) {
    if (sandbox.isPresent()) {
      throw CasemateException.of(
          Kind.ALREADY_EXISTS, "sandbox " + boot.config().id() + " has been created already");
    }
    OwnCgroup.join(boot.node().cgroup());
    this.listener = Optional.of(listener);
    Sandbox made = new Sandbox(paths, boot.config(), listener);
    sandbox = Optional.of(made);
    made.start(boot.hostname(), vm -> {});
    return made;
  }

  /** Replaces a sandbox that nobody has used by another, which has not been started. */
  synchronized Sandbox restart(SandboxConfig config) {
    Sandbox before = require();
    if (!before.isEmpty()) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION, "sandbox " + config.id() + " has containers already");
    }
    before.discard();
    Sandbox made = new Sandbox(paths, config, listener.orElseThrow());
    sandbox = Optional.of(made);
    return made;
  }

  /** What kept the sandbox from being made: whoever creates a container is told. */
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

  /** The name of a pod without a pause container; empty for any other sandbox. */
  Optional<String> podName() {
    return podName;
  }

  /** Somebody uses the shim: from now on it ends only when it is told to. */
  void use() {
    used = true;
  }

  /** Ends the VM. When it returns, the host has back what the VM had. */
  void stop() {
    sandbox.ifPresent(Sandbox::close);
  }

  /** Ends the VM, and then the process. */
  void shutdown() {
    stop();
    over.countDown();
  }

  /** Waits for the end of the shim. */
  void await() throws InterruptedException {
    while (!over.await(UNUSED_LIMIT_SECONDS, TimeUnit.SECONDS)) {
      if (!used) {
        return;
      }
    }
  }
}
