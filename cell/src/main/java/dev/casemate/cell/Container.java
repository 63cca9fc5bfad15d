package dev.casemate.cell;

import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.ProcessSpec;
import dev.casemate.oci.Resources;
import java.util.List;
import java.util.Optional;

/**
 * A container: made and held by a single-threaded process that forks. All its processes that the
 * engine makes are children of the caller, who waits for them and tells {@link #onExit}.
 */
public final class Container {
  /** The states of the runtime-spec, and paused. */
  public enum State {
    CREATED,
    RUNNING,
    PAUSED,
    STOPPED
  }

  private Container() {}

  /**
   * Makes namespaces, mounts and control group; the first process waits just before its exec.
   *
   * @throws dev.casemate.oci.CasemateException INVALID_ARGUMENT for a spec that cannot be,
   *     COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE for its command; nothing is left over then
   */
  public static Container create(ContainerConfig config, Stdio stdio) {
    throw new UnsupportedOperationException();
  }

  public String id() {
    throw new UnsupportedOperationException();
  }

  /** The first process. */
  public CellProcess init() {
    throw new UnsupportedOperationException();
  }

  public State state() {
    throw new UnsupportedOperationException();
  }

  public Cgroup cgroup() {
    throw new UnsupportedOperationException();
  }

  /** Lets the first process execute its command; returns once the kernel has taken it. */
  public void start() {
    throw new UnsupportedOperationException();
  }

  /** Runs another process in the container, which must be created, running. */
  public CellProcess exec(ProcessSpec process, Stdio stdio) {
    throw new UnsupportedOperationException();
  }

  /** Signals the first process. */
  public void signal(int signal) {
    throw new UnsupportedOperationException();
  }

  /** Signals all processes of the container; KILL misses none. */
  public void signalAll(int signal) {
    throw new UnsupportedOperationException();
  }

  public void pause() {
    throw new UnsupportedOperationException();
  }

  public void resume() {
    throw new UnsupportedOperationException();
  }

  /** Changes limits; returns warnings. */
  public List<String> update(Resources resources) {
    throw new UnsupportedOperationException();
  }

  public CgroupStats stats() {
    throw new UnsupportedOperationException();
  }

  /** The processes of the container, in the order of their pids. */
  public List<ProcessInfo> processes() {
    throw new UnsupportedOperationException();
  }

  /**
   * Takes note of a child that has ended; the caller tells every one that it waits for.
   *
   * @return whether it was the first process: the container is stopped now
   */
  public boolean onExit(WaitStatus status) {
    throw new UnsupportedOperationException();
  }

  /** How the first process ended. */
  public Optional<WaitStatus> exitStatus() {
    throw new UnsupportedOperationException();
  }

  /**
   * Removes what is left of a stopped container.
   *
   * @param force kills it first if it is not stopped; the caller still gets to wait for its
   *     processes
   */
  public void delete(boolean force) {
    throw new UnsupportedOperationException();
  }
}
