package dev.casemate.runtime;

import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;

/** Points in time as RFC 3339 writes them, in UTC. By hand: java.time is half an executable. */
final class Timestamp {
  private static final int SECONDS_A_DAY = 86_400;

  private Timestamp() {}

  /** Now, to the second. */
  static String seconds() {
    return of(System.currentTimeMillis() / 1000, -1);
  }

  /** Now, to the nanosecond. */
  static String nanos() {
    try (NativeBuffer time = NativeBuffer.allocate(16)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.CLOCK_GETTIME, 0, time.address()), "clock_gettime", "realtime");
      return of(time.getLong(0), (int) time.getLong(8));
    }
  }

  /**
   * A point in time.
   *
   * @param seconds since the epoch
   * @param nanos within the second; negative leaves the fraction out
   */
  static String of(long seconds, int nanos) {
    long days = Math.floorDiv(seconds, SECONDS_A_DAY);
    int rest = (int) Math.floorMod(seconds, (long) SECONDS_A_DAY);
    // Days to a civil date, with years that begin in March (Hinnant, "chrono-compatible dates").
    long shifted = days + 719_468;
    long era = Math.floorDiv(shifted, 146_097L);
    int dayOfEra = (int) (shifted - era * 146_097);
    int yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
    int dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    int month = (5 * dayOfYear + 2) / 153;
    int day = dayOfYear - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    long year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
    StringBuilder text = new StringBuilder(32);
    digits(text, (int) year, 4).append('-');
    digits(text, month, 2).append('-');
    digits(text, day, 2).append('T');
    digits(text, rest / 3600, 2).append(':');
    digits(text, rest / 60 % 60, 2).append(':');
    digits(text, rest % 60, 2);
    if (nanos >= 0) {
      digits(text.append('.'), nanos, 9);
    }
    return text.append('Z').toString();
  }

  private static StringBuilder digits(StringBuilder text, int value, int width) {
    String digits = Integer.toString(value);
    for (int i = digits.length(); i < width; i++) {
      text.append('0');
    }
    return text.append(digits);
  }
}
