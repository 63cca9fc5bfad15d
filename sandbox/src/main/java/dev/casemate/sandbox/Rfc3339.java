package dev.casemate.sandbox;

/**
 * UTC time stamps, {@code 2026-11-22T05:04:03.021Z}, without {@code java.time}, which would cost
 * every start milliseconds.
 */
public final class Rfc3339 {
  private static final long DAY_MILLIS = 86_400_000L;

  private Rfc3339() {}

  /** Formats milliseconds since the epoch. */
  public static String format(long epochMillis) {
    long days = Math.floorDiv(epochMillis, DAY_MILLIS);
    long rest = Math.floorMod(epochMillis, DAY_MILLIS);
    // Howard Hinnant's civil_from_days: eras of 400 years that begin on 1 March.
    long z = days + 719_468;
    long era = Math.floorDiv(z, 146_097L);
    long dayOfEra = z - era * 146_097;
    long yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
    long dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    long shiftedMonth = (5 * dayOfYear + 2) / 153;
    long day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1;
    long month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
    long year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
    StringBuilder text = new StringBuilder(24);
    digits(text, year, 4).append('-');
    digits(text, month, 2).append('-');
    digits(text, day, 2).append('T');
    digits(text, rest / 3_600_000, 2).append(':');
    digits(text, rest / 60_000 % 60, 2).append(':');
    digits(text, rest / 1000 % 60, 2).append('.');
    digits(text, rest % 1000, 3).append('Z');
    return text.toString();
  }

  private static StringBuilder digits(StringBuilder text, long value, int width) {
    String plain = Long.toString(value);
    return text.repeat('0', Math.max(0, width - plain.length())).append(plain);
  }
}
