package dev.casemate.sandbox;

import dev.casemate.protocol.agent.AgentService;
import dev.casemate.protocol.agent.GetOOMEventRequest;
import dev.casemate.protocol.agent.OOMEvent;
import dev.casemate.rpc.ConnectionLostException;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Passes on which containers the guest's kernel has killed a process of for lack of memory. The
 * guest may say so without end, and each event costs the engine some work: a container's first one
 * is always passed on, further ones {@value #BURST} at once and one a second for the whole sandbox.
 * Those in between are counted, and the log says how many they were.
 */
final class OomPump implements Runnable {
  static final int BURST = 10;
  static final int ANSWER_LIMIT = 4 * 1024;
  private static final int PER_SECOND = 1;
  private static final long REPORT_NANOS = 60_000_000_000L;

  /** A guest that floods is asked a hundred times a second at most. */
  private static final long FLOOD_PAUSE_NANOS = 10_000_000L;

  /** A container that an event is about. */
  interface Subject {
    /** Whether an event of it has been passed on. */
    boolean wasOutOfMemory();

    /** Passes one on. */
    void outOfMemory();
  }

  private final AgentClient agent;
  private final Function<String, Optional<Subject>> containers;
  private final Consumer<String> warnings;
  private final TokenBucket bucket = new TokenBucket(BURST, PER_SECOND, System.nanoTime());
  private long dropped;
  private long reportedNanos = System.nanoTime();

  /**
   * @param containers by the guest's name
   * @param warnings sentences for a log
   */
  OomPump(
      AgentClient agent,
      Function<String, Optional<Subject>> containers,
      Consumer<String> warnings) {
    this.agent = agent;
    this.containers = containers;
    this.warnings = warnings;
  }

  @Override
  public void run() {
    try {
      while (true) {
        event(next());
      }
    } catch (ConnectionLostException e) {
      // It ends with the VM.
    } catch (RuntimeException | Error e) {
      warnings.accept(
          "the guest's out-of-memory events are no longer monitored: " + e.getMessage());
    } finally {
      report();
    }
  }

  private String next() {
    byte[] answer =
        agent.call(
            AgentService.NAME,
            AgentService.GET_OOM_EVENT,
            GetOOMEventRequest.builder().build(),
            AgentClient.NO_TIMEOUT);
    if (answer.length > ANSWER_LIMIT) {
      throw agent.violation(
          "it answered GetOOMEvent with "
              + answer.length
              + " bytes, at most "
              + ANSWER_LIMIT
              + " are accepted");
    }
    return OOMEvent.decode(answer).containerId();
  }

  private void event(String guestId) {
    long now = System.nanoTime();
    Optional<Subject> container = containers.apply(guestId);
    boolean first = container.isPresent() && !container.get().wasOutOfMemory();
    if (first || (container.isPresent() && bucket.take(now))) {
      container.get().outOfMemory();
      return;
    }
    dropped++;
    if (now - reportedNanos > REPORT_NANOS) {
      report();
    }
    LockSupport.parkNanos(FLOOD_PAUSE_NANOS);
  }

  private void report() {
    if (dropped > 0) {
      warnings.accept(
          dropped
              + " out-of-memory events of the guest were not passed on: they came faster than one"
              + " a second, or named no container");
      dropped = 0;
    }
    reportedNanos = System.nanoTime();
  }
}
