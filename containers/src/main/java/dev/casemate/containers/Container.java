package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.linux.Signals;
import dev.casemate.sandbox.Stdio;
import java.util.List;

/**
 * A container created by {@link Casemate}. Methods throw a {@link CasemateException} on errors, and
 * may be called from several threads.
 */
public final class Container implements AutoCloseable {
  private static final int GONE_TIMEOUT_MILLIS = 20_000;

  private final Casemate casemate;
  private final SandboxClient client;
  private final ContainerConfig config;
  private volatile boolean started;

  Container(Casemate casemate, SandboxClient client, ContainerConfig config) {
    this.casemate = casemate;
    this.client = client;
    this.config = config;
  }

  /** 64 hexadecimal digits. */
  public String id() {
    return config.id();
  }

  public String name() {
    return config.name();
  }

  public ContainerConfig config() {
    return config;
  }

  /** The connection to its sandbox: for execs, statistics, terminals. */
  public SandboxClient client() {
    return client;
  }

  /** Executes the command, without input; its output goes to the container's log. */
  public void start() {
    start(Stdio.none(config.terminal()));
  }

  /**
   * Waits for the VM, creates the container in it and executes the command.
   *
   * @param stdio FIFOs whose other ends the caller has open
   */
  public void start(Stdio stdio) {
    client.create(stdio);
    client.start("");
    started = true;
  }

  /** Waits for the command to exit and returns its exit status: 0 to 255, or 128 + signal. */
  public int await() {
    return client.await("");
  }

  /** Sends a signal to the command. */
  public void kill(int signal) {
    client.kill("", signal, signal == Signals.KILL);
  }

  /**
   * Sends the stop signal, kills the command after the stop timeout, and returns when the VM has
   * ended.
   */
  public void stop() {
    client.stop(
        new ContainerRecord(config, currentState()),
        Signals.number(config.stopSignal()),
        config.stopTimeoutSeconds() * 1000);
  }

  private ContainerState currentState() {
    return casemate
        .store()
        .load(config.id())
        .map(ContainerRecord::state)
        .orElseGet(ContainerState::created);
  }

  /** The output written so far, as far as the log reaches back (10 to 20 MiB). */
  public List<LogEntry> logs() {
    return LogEntry.readAll(casemate.store().paths().container(config.id()));
  }

  /**
   * Removes a container that has ended, with its record, log and name.
   *
   * @throws CasemateException FAILED_PRECONDITION if it runs
   */
  public void remove() {
    if (!client.awaitGone(GONE_TIMEOUT_MILLIS)) {
      throw CasemateException.of(
          CasemateException.Kind.FAILED_PRECONDITION,
          "container " + config.name() + " is still running; stop it before removing it");
    }
    casemate.store().load(config.id()).ifPresent(casemate.store()::remove);
  }

  /**
   * Closes this handle. A running container continues to run and an ended one keeps its record; a
   * container that was never started is removed.
   */
  @Override
  public void close() {
    casemate.closed(this);
    try {
      if (!started) {
        discard();
      }
    } finally {
      client.close();
    }
  }

  private void discard() {
    try {
      client.kill("", Signals.KILL, true);
    } catch (CasemateException gone) {
      // Then it is ending already.
    }
    client.awaitGone(GONE_TIMEOUT_MILLIS);
    casemate.store().load(config.id()).ifPresent(casemate.store()::remove);
  }
}
