package dev.casemate.cli;

import java.util.Optional;

/**
 * Amounts of memory as people write them: {@code 128m}, {@code 1g}, {@code 1.5GiB}, {@code
 * 67108864}; and as they read them.
 */
final class Sizes {
  private static final String UNITS = "kmgt";

  private Sizes() {}

  /** Bytes; a bare number counts bytes, the units are powers of 1024. */
  static Optional<Long> parse(String text) {
    String lower = text.toLowerCase(java.util.Locale.ROOT);
    int end = 0;
    while (end < lower.length()
        && (Character.isDigit(lower.charAt(end)) || lower.charAt(end) == '.')) {
      end++;
    }
    String unit = lower.substring(end);
    long factor = 1;
    if (!unit.isEmpty() && !unit.equals("b")) {
      int power = UNITS.indexOf(unit.charAt(0));
      String rest = unit.substring(1);
      if (power < 0 || !(rest.isEmpty() || rest.equals("b") || rest.equals("ib"))) {
        return Optional.empty();
      }
      factor = 1L << (10 * (power + 1));
    }
    try {
      double amount = Double.parseDouble(lower.substring(0, end));
      double bytes = amount * factor;
      return bytes < 1L << 60 ? Optional.of((long) bytes) : Optional.empty();
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** {@code 12.3MiB}: three significant digits. */
  static String format(long bytes) {
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
  static String decimal(double amount) {
    if (amount >= 99.95) {
      return Long.toString(Math.round(amount));
    }
    long tenths = Math.round(amount * 10);
    return tenths / 10 + "." + tenths % 10;
  }
}
