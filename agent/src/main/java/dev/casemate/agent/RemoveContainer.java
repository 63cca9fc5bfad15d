package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Machine;
import dev.casemate.linux.Signals;
import dev.casemate.protocol.agent.RemoveContainerRequest;

/** {@code RemoveContainer}: ends what still runs and frees everything. */
final class RemoveContainer {
  private static final int POLL_MILLIS = 5;
  private static final int DEFAULT_TIMEOUT_SECONDS = 10;

  private RemoveContainer() {}

  static void handle(Agent agent, RemoveContainerRequest request, Answer answer) {
    GuestContainer container = agent.containers().find(request.containerId());
    int seconds =
        request.timeout() <= 0 ? DEFAULT_TIMEOUT_SECONDS : Math.min(request.timeout(), 3600);
    container.beginRemoval();
    try {
      kill(container);
    } catch (RuntimeException e) {
      container.endRemoval();
      throw e;
    }
    long deadline = Machine.monotonicMicros() + seconds * 1_000_000L;
    finish(agent, container, deadline, answer);
  }

  /** Ends all processes, also of a container that is frozen or not started yet. */
  static void kill(GuestContainer container) {
    if (!container.init().hasEnded() || !container.cell().cgroup().processes().isEmpty()) {
      container.cell().signalAll(Signals.KILL);
    }
  }

  private static void finish(Agent agent, GuestContainer container, long deadline, Answer answer) {
    try {
      agent.containers().reap();
      if (isEmpty(container)) {
        free(agent, container);
        answer.ok(Services.EMPTY);
        return;
      }
      if (Machine.monotonicMicros() > deadline) {
        container.endRemoval();
        throw CasemateException.of(
            Kind.TIMEOUT, "processes of container " + container.id() + " did not end");
      }
      agent.loop().after(POLL_MILLIS, () -> finish(agent, container, deadline, answer));
    } catch (RuntimeException e) {
      container.endRemoval();
      answer.fail(e);
    }
  }

  static boolean isEmpty(GuestContainer container) {
    return container.init().hasEnded() && container.cell().cgroup().processes().isEmpty();
  }

  private static void free(Agent agent, GuestContainer container) {
    agent.oom().remove(container.id());
    container.cell().delete(false);
    agent.containers().remove(container);
    for (GuestProcess process : container.processes()) {
      process.close();
    }
    agent.storages().detachAll(container.mountPoints());
    CopyFile.remove(container.id());
  }
}
