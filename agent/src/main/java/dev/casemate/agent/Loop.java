package dev.casemate.agent;

import dev.casemate.linux.Epoll;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Machine;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;

/**
 * The agent's only loop: descriptors, timers and what is to be done next. Nothing that it calls can
 * end it: PID 1 must not end.
 */
final class Loop {
  /** Interest in nothing but a control file's exceptional event. */
  static final int PRIORITY = 2;

  /** Edge-triggered: an event a change, not an event as long as it lasts. */
  static final int EDGE = 1 << 31;

  /** Something to be done at a time, unless it is cancelled. */
  static final class Timer {
    private final long dueMicros;
    private final Runnable task;
    private boolean cancelled;

    private Timer(long dueMicros, Runnable task) {
      this.dueMicros = dueMicros;
      this.task = task;
    }

    void cancel() {
      cancelled = true;
    }
  }

  private final Epoll epoll = new Epoll();
  private final Console console;
  private final Transfer transfer = new Transfer();
  private final ArrayDeque<Runnable> next = new ArrayDeque<>();
  private final PriorityQueue<Timer> timers =
      new PriorityQueue<>(Comparator.comparingLong((Timer timer) -> timer.dueMicros));

  Loop(Console console) {
    this.console = console;
  }

  /** For reads and writes of what the loop watches. */
  Transfer transfer() {
    return transfer;
  }

  void watch(Fd fd, int interest, Epoll.Handler handler) {
    epoll.add(
        fd,
        interest,
        events -> {
          try {
            handler.ready(events);
          } catch (Throwable e) {
            failed(e);
          }
        });
  }

  void change(Fd fd, int interest) {
    epoll.modify(fd, interest);
  }

  /** Must come before the descriptor is closed. */
  void forget(Fd fd) {
    epoll.remove(fd);
  }

  Timer after(long millis, Runnable task) {
    Timer timer = new Timer(Machine.monotonicMicros() + millis * 1000, task);
    timers.add(timer);
    return timer;
  }

  /** Does something once the handler that is running has returned. */
  void later(Runnable task) {
    next.add(task);
  }

  /** Runs for ever. */
  void run() {
    while (true) {
      try {
        runOnce();
      } catch (Throwable e) {
        failed(e);
      }
    }
  }

  /** One round: what is to be done next, then descriptors, then timers. */
  void runOnce() {
    // What these add is for the next round: descriptors get their turn in between.
    for (int left = next.size(); left > 0; left--) {
      guarded(next.remove());
    }
    epoll.poll(timeoutMillis());
    Timer first = timers.peek();
    while (first != null && (first.cancelled || first.dueMicros <= Machine.monotonicMicros())) {
      timers.poll();
      if (!first.cancelled) {
        guarded(first.task);
      }
      first = timers.peek();
    }
  }

  private int timeoutMillis() {
    Timer first = timers.peek();
    while (first != null && first.cancelled) {
      timers.poll();
      first = timers.peek();
    }
    if (!next.isEmpty()) {
      return 0;
    }
    if (first == null) {
      return -1;
    }
    long micros = first.dueMicros - Machine.monotonicMicros();
    return Math.clamp((micros + 999) / 1000, 0, 60_000);
  }

  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (Throwable e) {
      failed(e);
    }
  }

  private void failed(Throwable e) {
    try {
      console.last("unexpected error in the loop", e);
    } catch (Throwable again) {
      // Out of memory, most likely: the next round may fare better.
    }
  }
}
