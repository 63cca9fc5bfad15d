package dev.casemate.cell;

import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Lists of CPUs and memory nodes, such as {@code 0-3,7}. */
public final class NumberList {
  /** Above the numbers of all CPUs that Linux can have on a machine (NR_CPUS). */
  public static final int CPU_LIMIT = 8192;

  private NumberList() {}

  /**
   * The numbers in a list, which has none if it is empty.
   *
   * @param limit above all numbers
   * @return empty if the text is no such list
   */
  public static Optional<int[]> parse(String list, int limit) {
    List<Integer> numbers = new ArrayList<>();
    try {
      for (String part : Text.split(list, ',')) {
        String range = part.strip();
        int dash = range.indexOf('-');
        int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
        int last = dash < 0 ? first : Integer.parseInt(range.substring(dash + 1));
        if (first < 0 || last < first || last >= limit || numbers.size() > limit) {
          return Optional.empty();
        }
        for (int number = first; number <= last; number++) {
          numbers.add(number);
        }
      }
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
    int[] result = new int[numbers.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = numbers.get(i);
    }
    return Optional.of(result);
  }
}
