package dev.casemate.sandbox;

import dev.casemate.linux.ClockWatch;
import dev.casemate.linux.Machine;
import dev.casemate.linux.ProcessMemory;
import dev.casemate.linux.WallClock;
import dev.casemate.protocol.casemate.ClockReading;
import dev.casemate.protocol.casemate.ClockRequest;
import dev.casemate.rpc.ConnectionLostException;
import dev.casemate.rpc.RpcException;
import dev.casemate.rpc.RpcStatus;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Keeps the guest's clock with the host's. A guest by itself takes the time from a clock of whole
 * seconds, once, and an emulated counter is measured a tenth of a percent wrong: 10 ms after 10 s.
 *
 * <p>A reading is worth as much as it was quick: of several the quickest counts, and half of its
 * way is the error. What is far off is set at once, the rest moved little by little; how fast the
 * guest's counter runs is learnt from readings that are far apart.
 */
final class GuestClock implements AutoCloseable {
  /** What is further off than this is set at once: 10 ms are promised. */
  static final long STEP_MICROS = 5_000;

  private static final int TRIES = 5;

  /** A guest that takes its time for each answer does not get all tries. */
  private static final long PATIENCE_MICROS = 2_000_000;

  private static final long QUICK_MICROS = 1_000;

  /** Where a container waits: the error is half of it. */
  private static final long GOOD_MICROS = 8_000;

  private static final long FIRST_MILLIS = 1_000;
  private static final long LONGEST_MILLIS = 64_000;

  /** Over a shorter time a reading's own error would make the rate worse. */
  private static final long LEAST_BASE_MICROS = 900_000;

  /** Further from the truth than this no counter is; a base with such a rate is given up. */
  private static final long MOST_PPB = 5_000_000;

  /** What corrects and reads the guest's clock. */
  interface Guest {
    ClockReading call(ClockRequest request);
  }

  /**
   * A reading with the host's clocks in the middle of it, all in microseconds.
   *
   * @param way how long it took
   */
  record Sample(long hostReal, long hostMonotonic, long guestReal, long guestRaw, long way) {
    /** How far the guest's clock is behind. */
    long behind() {
      return hostReal - guestReal;
    }
  }

  private final Guest guest;
  private final Consumer<String> warnings;
  private Optional<ClockWatch> watch = Optional.empty();
  private boolean closed;
  private Sample base = new Sample(0, 0, 0, 0, Long.MAX_VALUE);

  GuestClock(AgentClient agent, Consumer<String> warnings) {
    this(agent::clock, warnings);
  }

  GuestClock(Guest guest, Consumer<String> warnings) {
    this.guest = guest;
    this.warnings = warnings;
  }

  /** Sets the clock now: the guest has just come up, was stopped, or is a copy. */
  void set() {
    guest.call(ClockRequest.builder().stepMicros(read(GOOD_MICROS).behind()).build());
  }

  /** Follows the host's clock until {@link #close}, or until the guest is gone. */
  synchronized void start() {
    if (watch.isEmpty() && !closed) {
      ClockWatch opened = new ClockWatch();
      watch = Optional.of(opened);
      Threads.start("clock", () -> run(opened));
    }
  }

  private void run(ClockWatch watch) {
    long wait = FIRST_MILLIS;
    ClockWatch.Event event = watch.await(wait);
    while (event != ClockWatch.Event.CLOSED) {
      try {
        boolean stepped = correct();
        wait = stepped ? FIRST_MILLIS : Math.min(2 * wait, LONGEST_MILLIS);
      } catch (ConnectionLostException e) {
        close();
      } catch (RpcException e) {
        if (e.status() == RpcStatus.UNIMPLEMENTED) {
          warnings.accept("the guest's clock is not followed: the guest is too old for it");
          close();
        }
        // Otherwise it is busy, or stopped: later.
      }
      ProcessMemory.worked();
      event = watch.await(wait);
    }
  }

  /** Corrects clock and rate by one reading; returns whether the clock was set at once. */
  boolean correct() {
    Sample now = read(QUICK_MICROS);
    ClockRequest.Builder request = ClockRequest.builder();
    boolean far = Math.abs(now.behind()) > STEP_MICROS + now.way() / 2;
    long elapsed = now.guestRaw() - base.guestRaw();
    if (base.way() == Long.MAX_VALUE || elapsed < 0) {
      base = now;
    } else if (elapsed >= LEAST_BASE_MICROS) {
      long ppb = ratePpb(base, now);
      if (Math.abs(ppb) > MOST_PPB) {
        // One of the two machines stood still in between.
        base = now;
      } else {
        request.setRate(true).ratePpb(ppb);
      }
    }
    if (far) {
      request.stepMicros(now.behind());
    } else {
      request.slewMicros(now.behind());
    }
    guest.call(request.build());
    return far;
  }

  /** How much faster the host's clock runs than the guest's counter. */
  static long ratePpb(Sample from, Sample to) {
    double host = to.hostMonotonic() - from.hostMonotonic();
    double counter = to.guestRaw() - from.guestRaw();
    return Math.round((host / counter - 1) * 1e9);
  }

  /** The quickest of some readings, or the first that is quick enough. */
  private Sample read(long enoughMicros) {
    long end = Machine.monotonicMicros() + PATIENCE_MICROS;
    Sample best = sample();
    for (int i = 1;
        i < TRIES && best.way() > enoughMicros && Machine.monotonicMicros() < end;
        i++) {
      Sample next = sample();
      best = next.way() < best.way() ? next : best;
    }
    return best;
  }

  private Sample sample() {
    long real = WallClock.realMicros();
    long before = Machine.monotonicMicros();
    ClockReading reading = guest.call(ClockRequest.builder().build());
    long way = Machine.monotonicMicros() - before;
    return new Sample(
        real + way / 2, before + way / 2, reading.realMicros(), reading.rawMicros(), way);
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      watch.ifPresent(ClockWatch::close);
    }
  }
}
