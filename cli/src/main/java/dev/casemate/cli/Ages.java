package dev.casemate.cli;

/** Spans of time as people say them. */
final class Ages {
  private Ages() {}

  /** {@code 5 seconds}, {@code 3 minutes}, {@code 2 hours}, {@code 4 days}. */
  static String of(long millis) {
    long seconds = Math.max(0, millis / 1000);
    if (seconds < 120) {
      return unit(seconds, "second");
    }
    if (seconds < 2 * 3600) {
      return unit(seconds / 60, "minute");
    }
    if (seconds < 2 * 86_400) {
      return unit(seconds / 3600, "hour");
    }
    return unit(seconds / 86_400, "day");
  }

  private static String unit(long count, String name) {
    return count + " " + name + (count == 1 ? "" : "s");
  }
}
