package dev.casemate.agent;

import dev.casemate.linux.Machine;
import dev.casemate.linux.SystemCall;

/** {@code DestroySandbox}: ends everything, then the machine. */
final class DestroySandbox {
  private static final int POLL_MILLIS = 5;
  private static final long KILL_MICROS = 3_000_000;
  private static final long FLUSH_MICROS = 1_000_000;

  /** The device may not have taken the answer's last bytes yet. */
  private static final int LINGER_MILLIS = 5;

  private DestroySandbox() {}

  static void handle(Agent agent, Answer answer) {
    agent.sandbox().end();
    for (GuestContainer container : agent.containers().all()) {
      try {
        RemoveContainer.kill(container);
      } catch (RuntimeException e) {
        agent.console().warn("cannot kill container " + container.id(), e);
      }
    }
    awaitEnd(agent, Machine.monotonicMicros() + KILL_MICROS, answer);
  }

  private static void awaitEnd(Agent agent, long deadline, Answer answer) {
    agent.containers().reap();
    if (!isEmpty(agent) && Machine.monotonicMicros() < deadline) {
      agent.loop().after(POLL_MILLIS, () -> awaitEnd(agent, deadline, answer));
      return;
    }
    try {
      agent.storages().detachEverything();
      SystemCall.raw(SystemCall.SYNC);
    } finally {
      answer.ok(Services.EMPTY);
      end(agent);
    }
  }

  private static void end(Agent agent) {
    agent.loop().later(() -> awaitFlush(agent, Machine.monotonicMicros() + FLUSH_MICROS));
  }

  private static boolean isEmpty(Agent agent) {
    try {
      for (GuestContainer container : agent.containers().all()) {
        if (!RemoveContainer.isEmpty(container)) {
          return false;
        }
      }
    } catch (RuntimeException e) {
      agent.console().warn("cannot determine whether all processes have ended", e);
    }
    return true;
  }

  private static void awaitFlush(Agent agent, long deadline) {
    if (!agent.sandbox().isFlushed() && Machine.monotonicMicros() < deadline) {
      agent.loop().after(1, () -> awaitFlush(agent, deadline));
      return;
    }
    agent.loop().after(LINGER_MILLIS, Machine::restart);
  }
}
