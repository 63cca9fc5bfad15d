package dev.casemate.cgroup;

import dev.casemate.linux.Text;
import java.util.List;
import java.util.Optional;

/**
 * How long processes of a group waited for a resource (Documentation/accounting/psi.rst).
 *
 * @param some while at least one of them waited
 * @param full while all of them waited at once; the kernel does not have it for every resource
 */
public record Pressure(Optional<Stall> some, Optional<Stall> full) {
  /**
   * Shares of the last 10, 60 and 300 seconds.
   *
   * @param avg10 in hundredths of a percent, as the kernel prints them; also the next two
   * @param totalMicros the sum since the group was made
   */
  public record Stall(long avg10, long avg60, long avg300, long totalMicros) {}

  /**
   * The pressure in a file's text, such as {@code some avg10=1.25 avg60=0.00 avg300=0.00 total=9}.
   */
  static Optional<Pressure> parse(String text) {
    Optional<Stall> some = Optional.empty();
    Optional<Stall> full = Optional.empty();
    for (String line : Text.split(text, '\n')) {
      if (line.startsWith("some ")) {
        some = Optional.of(stall(line));
      } else if (line.startsWith("full ")) {
        full = Optional.of(stall(line));
      }
    }
    return some.isEmpty() && full.isEmpty()
        ? Optional.empty()
        : Optional.of(new Pressure(some, full));
  }

  private static Stall stall(String line) {
    long[] values = new long[4];
    List<String> words = Text.split(line, ' ');
    for (String word : words) {
      int equals = word.indexOf('=');
      String value = word.substring(equals + 1);
      switch (equals < 0 ? "" : word.substring(0, equals)) {
        case "avg10" -> values[0] = hundredths(value);
        case "avg60" -> values[1] = hundredths(value);
        case "avg300" -> values[2] = hundredths(value);
        case "total" -> values[3] = CgroupFiles.parse(value, 0);
        default -> {
          // The word at the line's start, or a figure of a newer kernel.
        }
      }
    }
    return new Stall(values[0], values[1], values[2], values[3]);
  }

  /** The kernel prints two digits after the point. */
  private static long hundredths(String text) {
    int point = text.indexOf('.');
    return point < 0 || point + 3 != text.length()
        ? 0
        : CgroupFiles.parse(text.substring(0, point) + text.substring(point + 1), 0);
  }
}
