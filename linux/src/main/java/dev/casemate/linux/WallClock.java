package dev.casemate.linux;

/** The machine's clocks: reading them, and correcting that of the day ({@code adjtimex(2)}). */
public final class WallClock {
  private static final int REALTIME = 0;
  private static final int MONOTONIC_RAW = 4;

  /** {@code struct timex} on 64-bit machines: size and offsets of the fields that are used. */
  private static final int TIMEX_BYTES = 208;

  private static final int OFFSET = 8;
  private static final int FREQUENCY = 16;
  private static final int SECONDS = 72;
  private static final int FRACTION = 80;
  private static final int TICK = 88;

  private static final int ADJ_FREQUENCY = 0x2;
  private static final int ADJ_TICK = 0x4000;
  private static final int ADJ_SETOFFSET = 0x100;
  private static final int ADJ_OFFSET_SINGLESHOT = 0x8001;

  /** One unit of a tick of 10 ms, in parts per billion. */
  private static final long TICK_PPB = 100_000;

  /** A twentieth of the range of the kernel: no clock that works is so wrong. */
  private static final long MOST_PPB = 5_000_000;

  private WallClock() {}

  /** Microseconds since 1970. */
  public static long realMicros() {
    return micros(REALTIME);
  }

  /** Microseconds since boot by the machine's counter, which no correction touches. */
  public static long rawMicros() {
    return micros(MONOTONIC_RAW);
  }

  private static long micros(int clock) {
    try (NativeBuffer time = NativeBuffer.allocate(16)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.CLOCK_GETTIME, clock, time.address()), "clock_gettime", "");
      return time.getLong(0) * 1_000_000 + time.getLong(8) / 1000;
    }
  }

  /** Moves the clock at once. */
  public static void step(long micros) {
    try (NativeBuffer timex = NativeBuffer.allocate(TIMEX_BYTES)) {
      timex.putInt(0, ADJ_SETOFFSET);
      timex.putLong(SECONDS, Math.floorDiv(micros, 1_000_000L));
      timex.putLong(FRACTION, Math.floorMod(micros, 1_000_000L));
      adjust(timex);
    }
  }

  /** Moves the clock little by little, 0.5 ms a second; ends what is left of an earlier move. */
  public static void slew(long micros) {
    try (NativeBuffer timex = NativeBuffer.allocate(TIMEX_BYTES)) {
      timex.putInt(0, ADJ_OFFSET_SINGLESHOT);
      timex.putLong(OFFSET, Math.clamp(micros, -500_000L, 500_000L));
      adjust(timex);
    }
  }

  /**
   * Sets how much faster the clock is to run than the machine's counter, in parts per billion; at
   * most 5,000,000 in either direction.
   */
  public static void rate(long ppb) {
    long bounded = Math.clamp(ppb, -MOST_PPB, MOST_PPB);
    long units = Math.round((double) bounded / TICK_PPB);
    try (NativeBuffer timex = NativeBuffer.allocate(TIMEX_BYTES)) {
      timex.putInt(0, ADJ_TICK | ADJ_FREQUENCY);
      timex.putLong(TICK, 10_000 + units);
      // Parts per million with 16 bits behind the point.
      timex.putLong(FREQUENCY, (bounded - units * TICK_PPB) * 65_536 / 1000);
      adjust(timex);
    }
  }

  private static void adjust(NativeBuffer timex) {
    SystemCall.check(SystemCall.raw(SystemCall.ADJTIMEX, timex.address()), "adjtimex", "");
  }
}
