package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.cell.Container.State;
import dev.casemate.cgroup.Cgroup;
import java.util.Optional;

/**
 * The state of a container, and the check of what may be done in it. For a container with a {@link
 * StateDirectory} the state is what the kernel says at each look; for a held one it is what its
 * holder has noted.
 */
final class Lifecycle {
  private final ContainerRecord record;
  private final Cgroup cgroup;
  private final Optional<StateDirectory> directory;
  private final FirstProcess first;
  private State state;
  private State beforePause = State.CREATED;

  Lifecycle(
      ContainerRecord record,
      Cgroup cgroup,
      Optional<StateDirectory> directory,
      FirstProcess first,
      State state) {
    this.record = record;
    this.cgroup = cgroup;
    this.directory = directory;
    this.first = first;
    this.state = state;
  }

  /** The state now. */
  State now() {
    if (directory.isPresent()) {
      observe(directory.get());
    }
    return state;
  }

  private void observe(StateDirectory kept) {
    if (record.pid() == 0) {
      // A record without a process and without anybody at work on it is what a killed create left.
      boolean left = kept.tryLock();
      if (left) {
        kept.close();
      }
      state = left ? State.STOPPED : State.CREATING;
    } else if (!first.isAlive()) {
      state = State.STOPPED;
    } else if (cgroup.isFrozen()) {
      state = State.PAUSED;
    } else {
      state = kept.hasGate() ? State.CREATED : State.RUNNING;
    }
    beforePause = kept.hasGate() ? State.CREATED : State.RUNNING;
  }

  /** Notes that the container has come to a state. */
  void note(State reached) {
    state = reached;
  }

  /** Notes that it is paused, and what it was until then. */
  void notePaused() {
    beforePause = state;
    state = State.PAUSED;
  }

  /** Notes that it is again what it was before its pause. */
  void noteResumed() {
    state = beforePause;
  }

  /**
   * Checks that the container is in one of some states.
   *
   * @param action what is to be done, for the message
   * @param wanted the states in a word, for the message
   * @throws CasemateException FAILED_PRECONDITION if it is in none of them
   */
  void expect(String action, String wanted, State... fine) {
    State now = now();
    for (State one : fine) {
      if (now == one) {
        return;
      }
    }
    throw wrong(action, wanted);
  }

  /** Says that the state, as of the last look, does not allow an action. */
  CasemateException wrong(String action, String wanted) {
    return Failures.precondition(
        "cannot "
            + action
            + " container "
            + record.id()
            + ": it is "
            + state.word()
            + ", and must be "
            + wanted);
  }
}
