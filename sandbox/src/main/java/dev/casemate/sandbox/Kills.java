package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Signals;
import dev.casemate.rpc.ConnectionLostException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;

/** Signals for the containers of a sandbox, and the deadline of those that must end by one. */
final class Kills {
  /** How long the guest's kernel may take to end a process and all its children. */
  private static final long KILLED_MILLIS = 5_000;

  /** The same where other containers run in the VM, which would end with it. */
  private static final long KILLED_AMONG_OTHERS_MILLIS = 30_000;

  /** How long the end of the VMM may be behind that of the agent's connection. */
  private static final long DYING_MILLIS = 1_000;

  private final Sandbox sandbox;
  private final SandboxListener listener;

  Kills(Sandbox sandbox, SandboxListener listener) {
    this.sandbox = sandbox;
    this.listener = listener;
  }

  /** See {@link Sandbox#kill}. */
  void kill(GuestContainer container, String execId, int signal, boolean all) {
    container.pendingSignals().begin();
    try {
      send(container, execId, signal, all);
    } finally {
      container.pendingSignals().end();
    }
  }

  private void send(GuestContainer container, String execId, int signal, boolean all) {
    try {
      container.signal(execId, signal, all);
    } catch (RpcException e) {
      long millis = e instanceof ConnectionLostException ? DYING_MILLIS : 0;
      if (sandbox.awaitEndCause(millis).isPresent()) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "container " + container.id() + " has ended with its VM: there is nothing to signal",
            e);
      }
      if (signal != Signals.KILL
          || !execId.isEmpty()
          || e.status() != RpcStatus.DEADLINE_EXCEEDED) {
        throw e;
      }
      sandbox.vm().kill();
      return;
    }
    if (signal == Signals.KILL
        && execId.isEmpty()
        && container.init().running()
        && container.pendingSignals().isFirstKill()) {
      Threads.start("killed", () -> awaitKilled(container));
    }
  }

  private void awaitKilled(GuestContainer container) {
    long millis = othersRun(container) ? KILLED_AMONG_OTHERS_MILLIS : KILLED_MILLIS;
    if (container.init().awaitTold(millis) || sandbox.endCause().isPresent()) {
      return;
    }
    listener.warning(
        "the guest did not report the exit of container "
            + container.id()
            + " within "
            + millis / 1000
            + " s after it was killed: killing its VM");
    sandbox.vm().kill();
  }

  /** Whether containers but this one run, other than one that only keeps a pod. */
  private boolean othersRun(GuestContainer container) {
    for (GuestContainer other : sandbox.containers()) {
      if (other != container && other.init().running() && !other.plan().weightless()) {
        return true;
      }
    }
    return false;
  }
}
