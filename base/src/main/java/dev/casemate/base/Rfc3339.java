package dev.casemate.base;

/**
 * Points in time as RFC 3339 writes them, in UTC: {@code 2026-11-22T05:04:03.021Z}. Without {@code
 * java.time}, which would cost every start milliseconds and every executable megabytes.
 */
public final class Rfc3339 {
  private static final int SECONDS_A_DAY = 86_400;

  private Rfc3339() {}

  /**
   * Formats a point in time to the second.
   *
   * @param epochSeconds seconds since the epoch
   */
  public static String seconds(long epochSeconds) {
    return date(epochSeconds).append('Z').toString();
  }

  /**
   * Formats a point in time to the millisecond.
   *
   * @param epochMillis milliseconds since the epoch
   */
  public static String millis(long epochMillis) {
    StringBuilder text = date(Math.floorDiv(epochMillis, 1000L)).append('.');
    return digits(text, (int) Math.floorMod(epochMillis, 1000L), 3).append('Z').toString();
  }

  /**
   * Formats a point in time to the nanosecond.
   *
   * @param epochSeconds seconds since the epoch
   * @param nanos nanoseconds within the second, 0 to 999,999,999
   */
  public static String nanos(long epochSeconds, int nanos) {
    return digits(date(epochSeconds).append('.'), nanos, 9).append('Z').toString();
  }

  private static StringBuilder date(long epochSeconds) {
    long days = Math.floorDiv(epochSeconds, (long) SECONDS_A_DAY);
    int rest = (int) Math.floorMod(epochSeconds, (long) SECONDS_A_DAY);
    // Howard Hinnant's civil_from_days: eras of 400 years that begin on 1 March.
    long shifted = days + 719_468;
    long era = Math.floorDiv(shifted, 146_097L);
    int dayOfEra = (int) (shifted - era * 146_097);
    int yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
    int dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    int shiftedMonth = (5 * dayOfYear + 2) / 153;
    int day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1;
    int month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
    long year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
    StringBuilder text = new StringBuilder(32);
    digits(text, (int) year, 4).append('-');
    digits(text, month, 2).append('-');
    digits(text, day, 2).append('T');
    digits(text, rest / 3600, 2).append(':');
    digits(text, rest / 60 % 60, 2).append(':');
    return digits(text, rest % 60, 2);
  }

  private static StringBuilder digits(StringBuilder text, int value, int width) {
    String plain = Integer.toString(value);
    return text.repeat('0', Math.max(0, width - plain.length())).append(plain);
  }
}
