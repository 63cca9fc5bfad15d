package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.rpc.ConnectionLostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/**
 * A process in the guest, a container's init or one that was added to it: its streams, and how it
 * ended.
 */
public final class GuestProcess implements AutoCloseable {
  /** How long unread output may delay the report that a process has ended. */
  private static final long READER_GRACE_MILLIS = 2_000;

  /** The status reported for a process whose VM ended while it ran. */
  public static final int LOST_STATUS = 137;

  private final AgentClient agent;
  private final String containerId;
  private final String guestId;
  private final String execId;
  private final Stdio stdio;
  private final CountDownLatch told = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Fd stop = EventFd.open();
  private final List<StreamPump> outputs = new ArrayList<>();
  private Optional<Outputs> opened = Optional.empty();
  private final List<Thread> pumps = new ArrayList<>();
  private volatile int exitStatus = LOST_STATUS;
  private volatile long exitedMillis;
  private volatile boolean running;
  private volatile boolean lost;
  private volatile Optional<String> refusal = Optional.empty();
  private Optional<Thread> input = Optional.empty();
  private volatile Optional<StdinPump> stdin = Optional.empty();
  private boolean inputClosed;

  /**
   * One that does not run yet.
   *
   * @param containerId the engine's name of its container
   * @param guestId the guest's, another one if it was restored
   */
  GuestProcess(AgentClient agent, String containerId, String guestId, String execId, Stdio stdio) {
    this.agent = agent;
    this.containerId = containerId;
    this.guestId = guestId;
    this.execId = execId;
    this.stdio = stdio;
  }

  public String execId() {
    return execId;
  }

  public Stdio stdio() {
    return stdio;
  }

  public boolean running() {
    return running;
  }

  public boolean hasEnded() {
    return ended.getCount() == 0;
  }

  public int exitStatus() {
    return exitStatus;
  }

  /** Whether its exit status is unknown because the VM ended while it ran. */
  public boolean wasLost() {
    return lost;
  }

  /** What the guest said instead of how it ended, if the guest is still there. */
  public Optional<String> refusal() {
    return refusal;
  }

  public long exitedMillis() {
    return exitedMillis;
  }

  /**
   * Opens the targets of its output, if that can be done before it runs: errors are reported early,
   * and readers that wait for a writer can continue.
   */
  void openOutputs() {
    if (stdio.engine().isPresent()) {
      opened = Optional.of(Outputs.open(stdio, containerId));
    }
  }

  void running(boolean now) {
    running = now;
  }

  /**
   * Begins to carry its streams and to wait for its end; {@code onEnd} runs once, after the last
   * byte of output.
   */
  void attach(Optional<ContainerLog> log, Runnable onEnd) {
    attach(log, _ -> {}, onEnd);
  }

  /**
   * As {@link #attach(Optional, Runnable)}.
   *
   * @param beforeEnd is given the exit status before anybody else can see that it has ended
   */
  void attach(Optional<ContainerLog> log, IntConsumer beforeEnd, Runnable onEnd) {
    running = true;
    Outputs to = opened.orElseGet(() -> Outputs.open(stdio, containerId));
    addOutput(false, to.stdout(), log);
    if (!stdio.terminal()) {
      addOutput(true, to.stderr(), log);
    }
    if (stdio.stdin().isEmpty()) {
      agent.closeStdin(guestId, execId);
    } else {
      attachInput();
    }
    Threads.start("wait", () -> awaitEnd(beforeEnd, onEnd));
  }

  private synchronized void attachInput() {
    StdinPump pump =
        new StdinPump(agent, guestId, execId, stdio.stdin(), stdio.engine().isPresent(), stop);
    stdin = Optional.of(pump);
    // A thread of its own, which ends with the process and is not joined.
    input = Optional.of(Threads.start("stdin", pump));
    if (inputClosed) {
      pump.drain();
    }
  }

  private void addOutput(boolean error, Optional<Fd> to, Optional<ContainerLog> log) {
    StreamPump pump = new StreamPump(agent, guestId, execId, error, to, log);
    outputs.add(pump);
    pumps.add(Threads.start(error ? "stderr" : "stdout", pump));
  }

  private void awaitEnd(IntConsumer beforeEnd, Runnable onEnd) {
    int status = LOST_STATUS;
    try {
      status = agent.waitProcess(guestId, execId);
    } catch (ConnectionLostException e) {
      // The VM is gone; the status of a killed process is the truth.
      lost = true;
    } catch (RuntimeException | Error e) {
      lost = true;
      refusal = Optional.of("the guest did not report how the process ended: " + e.getMessage());
    }
    told.countDown();
    drainOutputs();
    if (!lost) {
      beforeEnd.accept(status);
    }
    synchronized (this) {
      exitStatus = status;
      exitedMillis = System.currentTimeMillis();
      running = false;
      ended.countDown();
    }
    EventFd.signal(stop);
    onEnd.run();
  }

  private void drainOutputs() {
    for (StreamPump output : outputs) {
      output.expectEnd();
    }
    try {
      for (int i = 0; i < pumps.size(); i++) {
        StreamPump output = outputs.get(i);
        Thread pump = pumps.get(i);
        // A slow reader gets everything; only one that reads nothing at all is given up.
        while (pump.isAlive() && output.stuckMillis() < READER_GRACE_MILLIS) {
          pump.join(Math.max(1, READER_GRACE_MILLIS - output.stuckMillis()));
        }
        output.abandonReader();
        pump.join(READER_GRACE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Ends the bookkeeping of a process that was never started and never will be; whether it was such
   * a one.
   */
  boolean lost() {
    synchronized (this) {
      if (running || hasEnded()) {
        return false;
      }
      exitedMillis = System.currentTimeMillis();
      ended.countDown();
    }
    return true;
  }

  /** Ends its standard input behind what was written to it so far, before its start, too. */
  synchronized void closeInput() {
    inputClosed = true;
    stdin.ifPresent(StdinPump::drain);
  }

  /** Waits for the end. */
  public void awaitEnd() {
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CasemateException.of(Kind.UNAVAILABLE, "interrupted while waiting for a process", e);
    }
  }

  /** Waits for the end at most so long; whether it came. */
  public boolean awaitEnd(long millis) {
    try {
      return ended.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Waits until the guest has reported its exit, up to this time; returns whether it has. */
  public boolean awaitTold(long millis) {
    try {
      return told.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Frees what it holds on the host; it has ended, or never ran. */
  @Override
  public synchronized void close() {
    if (!stop.isOpen()) {
      return;
    }
    EventFd.signal(stop);
    try {
      if (input.isPresent()) {
        input.get().join(READER_GRACE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    stop.close();
    // Those of a process that ran were closed by what carried them.
    opened.ifPresent(Outputs::close);
  }
}
