package dev.casemate.commandline;

import java.util.Locale;
import java.util.Optional;

/** Amounts of memory and durations as people and engines write them, and as people read them. */
public final class Sizes {
  private static final String UNITS = "kmgt";

  private Sizes() {}

  /**
   * Bytes of {@code 512}, {@code 64m}, {@code 1.5GiB}: a bare number counts bytes, the units are
   * powers of 1024. Empty for anything else.
   */
  public static Optional<Long> bytes(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    int end = lower.length();
    while (end > 0 && !isNumeral(lower.charAt(end - 1))) {
      end--;
    }
    int shift =
        switch (lower.substring(end).strip()) {
          case "", "b" -> 0;
          case "k", "kb", "kib" -> 10;
          case "m", "mb", "mib" -> 20;
          case "g", "gb", "gib" -> 30;
          case "t", "tb", "tib" -> 40;
          case "p", "pb", "pib" -> 50;
          default -> -1;
        };
    long value = shift < 0 ? -1 : scaled(lower.substring(0, end), shift);
    return value < 0 ? Optional.empty() : Optional.of(value);
  }

  private static boolean isNumeral(char c) {
    return (c >= '0' && c <= '9') || c == '.';
  }

  private static boolean isDigits(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }

  private static long scaled(String number, int shift) {
    int point = number.indexOf('.');
    // ".5g" is half a GiB, for Docker too.
    String whole = point < 0 ? number : point == 0 ? "0" : number.substring(0, point);
    String fraction = point < 0 ? "" : number.substring(point + 1);
    boolean noDigits = number.length() == point + 1 && point <= 0;
    if (noDigits || fraction.length() > 9 || !isDigits(whole) || !isDigits(fraction)) {
      return -1;
    }
    try {
      long units = Long.parseLong(whole);
      if (units > Long.MAX_VALUE >> shift) {
        return -1;
      }
      long value = units << shift;
      if (!fraction.isEmpty()) {
        long divisor = 1;
        for (int i = 0; i < fraction.length(); i++) {
          divisor *= 10;
        }
        // Up to nine digits and 50 bits: by way of 128-bit arithmetic done in two halves.
        long part = Long.parseLong(fraction);
        value += part * ((1L << shift) / divisor) + part * ((1L << shift) % divisor) / divisor;
      }
      return value;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** {@code 12.3MiB}: three significant digits. */
  public static String format(long bytes) {
    if (bytes < 1024) {
      return bytes + "B";
    }
    double amount = bytes;
    int power = -1;
    while (amount >= 1024 && power < UNITS.length() - 1) {
      amount /= 1024;
      power++;
    }
    return decimal(amount) + Character.toUpperCase(UNITS.charAt(power)) + "iB";
  }

  /** A number with one digit after the point below 100, none above. */
  public static String decimal(double amount) {
    if (amount >= 99.95) {
      return Long.toString(Math.round(amount));
    }
    long tenths = Math.round(amount * 10);
    return tenths / 10 + "." + tenths % 10;
  }

  /**
   * Milliseconds of Go's durations {@code 5s}, {@code 500ms}, {@code 1m30s}; empty for anything
   * else and for zero.
   */
  public static Optional<Integer> millis(String text) {
    long total = 0;
    int at = 0;
    boolean good = !text.isEmpty();
    while (good && at < text.length()) {
      int start = at;
      while (at < text.length() && Character.isDigit(text.charAt(at))) {
        at++;
      }
      String digits = text.substring(start, at);
      int unitStart = at;
      while (at < text.length() && !Character.isDigit(text.charAt(at))) {
        at++;
      }
      long unit =
          switch (text.substring(unitStart, at)) {
            case "ms" -> 1;
            case "s" -> 1000;
            case "m" -> 60_000;
            case "h" -> 3_600_000;
            default -> 0;
          };
      good = unit > 0 && !digits.isEmpty() && digits.length() < 8;
      if (good) {
        total += Long.parseLong(digits) * unit;
      }
    }
    return good && total > 0 && total <= Integer.MAX_VALUE
        ? Optional.of((int) total)
        : Optional.empty();
  }
}
