package dev.casemate.task;

import dev.casemate.base.Json;
import dev.casemate.protocol.google.Any;
import dev.casemate.protocol.task.CheckpointTaskRequest;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.Sandbox;
import dev.casemate.sandbox.Stdio;

/**
 * What differs between the two owners of a sandbox: {@code casemate run}, whose record on disk has
 * everything in advance, and containerd's shim, which receives it with each container.
 */
public interface TaskFront {
  Sandbox sandbox();

  /** Makes a container, without executing its command. */
  void create(CreateTaskRequest request);

  /** Called when the client disconnected before it received the response to its create request. */
  default void createdForNobody(CreateTaskRequest request) {}

  /** A process's streams as a request names them. */
  default Stdio stdio(String stdin, String stdout, String stderr, boolean terminal) {
    return new Stdio(stdin, stdout, stderr, terminal);
  }

  /** Executes a container's command. */
  default void start(GuestContainer container) {
    sandbox().execute(container);
  }

  /** Sends a signal to a container that may still be on its way. */
  default void kill(String id, String execId, int signal, boolean all) {
    sandbox().kill(sandbox().container(id), execId, signal, all);
  }

  /** Forgets a container that does not run. */
  default void delete(GuestContainer container) {
    sandbox().delete(container);
  }

  /** A container's figures in the form that this front's callers understand. */
  Any stats(GuestContainer container);

  /** Saves a container with its VM; see the documentation for which can be. */
  void checkpoint(GuestContainer container, CheckpointTaskRequest request);

  /** Changes a container's limits. */
  default void update(GuestContainer container, Json.Obj resources) {
    container.update(resources);
  }

  /**
   * Ends the process that owns the sandbox.
   *
   * @param now even if there are containers
   */
  void shutdown(boolean now);

  /** The directory of {@code id} on the host; empty if callers do not need it. */
  default String bundle(String id) {
    return "";
  }

  /**
   * Whether callers are an engine, which reads messages and does not know how Casemate's own
   * commands learn that a command is missing.
   */
  default boolean forEngine() {
    return false;
  }

  /** Runs something that blocks and whose answer must go out before the process ends. */
  default void whileWaiting(Runnable blocking) {
    blocking.run();
  }
}
