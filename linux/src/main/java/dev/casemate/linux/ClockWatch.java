package dev.casemate.linux;

/**
 * Waits until some time has passed or the machine's clock has been set: by somebody, or because the
 * machine slept ({@code timerfd_create(2)}, TFD_TIMER_CANCEL_ON_SET). One thread waits, another may
 * end the waiting.
 */
public final class ClockWatch implements AutoCloseable {
  /** Why a wait ended. */
  public enum Event {
    TIME,
    CLOCK_SET,
    CLOSED
  }

  private static final int REALTIME = 0;
  private static final int ABSOLUTE = 1;
  private static final int CANCEL_ON_SET = 2;

  private final Fd timer =
      Fd.of(
          (int)
              SystemCall.check(
                  SystemCall.raw(
                      SystemCall.TIMERFD_CREATE,
                      REALTIME,
                      OpenFlag.CLOSE_ON_EXEC | OpenFlag.NON_BLOCK),
                  "timerfd_create",
                  ""));
  private final Fd end = EventFd.open();

  /** Waits for nothing yet. */
  public ClockWatch() {}

  /** Waits. After {@link Event#CLOSED} the object has no descriptors any more. */
  public Event await(long millis) {
    long due = WallClock.realMicros() + millis * 1000;
    try (NativeBuffer times = NativeBuffer.allocate(32)) {
      times.putLong(0, 0).putLong(8, 0);
      times.putLong(16, due / 1_000_000).putLong(24, due % 1_000_000 * 1000);
      long set =
          SystemCall.raw(
              SystemCall.TIMERFD_SETTIME,
              timer.number(),
              ABSOLUTE | CANCEL_ON_SET,
              times.address(),
              0);
      if (set != -Errno.ECANCELED) {
        SystemCall.check(set, "timerfd_settime", "");
      }
    }
    int[] ready =
        Poll.await(new int[] {timer.number(), end.number()}, new int[] {Poll.IN, Poll.IN}, -1);
    if (ready[1] != 0) {
      timer.close();
      end.close();
      return Event.CLOSED;
    }
    try {
      timer.read(new byte[8], 0, 8);
      return Event.TIME;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ECANCELED) {
        return Event.CLOCK_SET;
      }
      throw e;
    }
  }

  /** Ends the wait of the other thread, now or when it begins. */
  @Override
  public void close() {
    EventFd.signal(end);
  }
}
