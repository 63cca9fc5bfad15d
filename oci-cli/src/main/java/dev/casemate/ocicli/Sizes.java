package dev.casemate.ocicli;

/** Sizes and durations as engines and people write them. */
final class Sizes {
  private Sizes() {}

  /** Bytes of {@code 512}, {@code 64m}, {@code 1.5GiB}, {@code -1} (no limit). */
  static long bytes(String option, String text) {
    if (text.equals("-1")) {
      return -1;
    }
    String lower = text.toLowerCase(java.util.Locale.ROOT);
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
    if (value < 0) {
      throw new UsageException(
          "option --" + option + " is \"" + text + "\", expected a size such as 67108864 or 64m");
    }
    return value;
  }

  private static boolean isNumeral(char c) {
    return (c >= '0' && c <= '9') || c == '.';
  }

  private static long scaled(String number, int shift) {
    int point = number.indexOf('.');
    String whole = point < 0 ? number : number.substring(0, point);
    String fraction = point < 0 ? "" : number.substring(point + 1);
    if (whole.isEmpty() || fraction.length() > 9 || fraction.indexOf('.') >= 0) {
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

  /** Milliseconds of Go's durations {@code 5s}, {@code 500ms}, {@code 1m30s}. */
  static int millis(String option, String text) {
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
    if (!good || total < 1 || total > Integer.MAX_VALUE) {
      throw new UsageException(
          "option --" + option + " is \"" + text + "\", expected a duration such as 5s or 500ms");
    }
    return (int) total;
  }
}
