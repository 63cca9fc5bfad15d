package dev.casemate.sandbox;

import dev.casemate.base.PlainText;
import dev.casemate.hypervisor.VmExit;

/**
 * Is told what happens in a sandbox, in the order in which it happened for each container: created,
 * started, then what comes in between, exited, deleted. Calls come from several threads and hold up
 * what they tell of: a listener does little.
 */
public interface SandboxListener {
  default void created(GuestContainer container) {}

  /** Its command is being executed. */
  default void started(GuestContainer container) {}

  default void execAdded(GuestContainer container, String execId) {}

  default void execStarted(GuestContainer container, String execId) {}

  /** A process has ended and all of its output has been passed on. */
  default void exited(GuestContainer container, GuestProcess process) {}

  default void paused(GuestContainer container) {}

  default void resumed(GuestContainer container) {}

  /** It was saved with its VM. */
  default void checkpointed(GuestContainer container, String directory) {}

  /** The container, or an exec of it, was forgotten. */
  default void deleted(GuestContainer container, GuestProcess process) {}

  /** The guest's kernel has killed a process of the container for lack of memory. */
  default void outOfMemory(GuestContainer container) {}

  /** Something does not work as asked for, but the sandbox goes on; a sentence for a log. */
  default void warning(String message) {
    System.err.println(PlainText.message("warning: " + message));
  }

  /**
   * The VM has ended. What ran in it is told to have exited after this.
   *
   * @param cause what is known of why, for people
   */
  default void vmEnded(VmExit exit, String cause) {}
}
