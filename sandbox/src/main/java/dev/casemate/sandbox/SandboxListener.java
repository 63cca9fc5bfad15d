package dev.casemate.sandbox;

import dev.casemate.base.PlainText;
import dev.casemate.hypervisor.VmExit;

/**
 * Receives the events of a sandbox, in order for each container: created, started, other events,
 * exited, deleted. Calls come from several threads and block the operation that they report, so a
 * listener must return quickly.
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

  /**
   * Something does not work as requested, but the sandbox continues to run; a sentence for a log.
   */
  default void warning(String message) {
    System.err.println(PlainText.message("warning: " + message));
  }

  /**
   * The VM has ended. The exits of its processes are reported after this call.
   *
   * @param cause the cause as far as known, for a log
   */
  default void vmEnded(VmExit exit, String cause) {}
}
