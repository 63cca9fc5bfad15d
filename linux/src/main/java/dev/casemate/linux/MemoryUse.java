package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What processes cost the machine in memory, as the kernel accounts for it.
 *
 * @param proportionalBytes PSS: a page that n processes map counts as an nth of a page for each, so
 *     the sum over all processes is what there is
 * @param privateBytes pages that no other process maps: what ending the processes gives back
 */
public record MemoryUse(long proportionalBytes, long privateBytes) {
  private static final int LIMIT = 16 * 1024;
  private static final long KIB = 1024;

  /** The share in pages that others map, too. */
  public long sharedBytes() {
    // The kernel rounds both sums.
    return Math.max(0, proportionalBytes - privateBytes);
  }

  public MemoryUse plus(MemoryUse other) {
    return new MemoryUse(
        proportionalBytes + other.proportionalBytes, privateBytes + other.privateBytes);
  }

  /**
   * A process's; empty if the kernel does not tell: it has ended, belongs to another user, or the
   * kernel is older than 4.14.
   */
  public static Optional<MemoryUse> of(int pid) {
    try {
      return parse(FileContent.readString("/proc/" + pid + "/smaps_rollup", LIMIT));
    } catch (LinuxException e) {
      return Optional.empty();
    }
  }

  /** A process's with its children's; empty if one of them is not known. */
  public static Optional<MemoryUse> withChildren(int pid) {
    Optional<MemoryUse> sum = of(pid);
    try {
      for (int child : children(pid)) {
        Optional<MemoryUse> own = of(child);
        sum = sum.flatMap(before -> own.map(before::plus));
      }
    } catch (LinuxException | NumberFormatException e) {
      return Optional.empty();
    }
    return sum;
  }

  private static List<Integer> children(int pid) {
    String text =
        FileContent.readString("/proc/" + pid + "/task/" + pid + "/children", LIMIT).trim();
    List<Integer> pids = new ArrayList<>();
    for (String word : Text.split(text, ' ')) {
      pids.add(Integer.parseInt(word));
    }
    return pids;
  }

  /** The text of {@code smaps_rollup}; empty if it lacks a figure. */
  static Optional<MemoryUse> parse(String text) {
    long proportional = -1;
    long own = 0;
    long huge = 0;
    int found = 0;
    for (String line : Text.split(text, '\n')) {
      int colon = line.indexOf(':');
      if (colon < 0 || !line.endsWith(" kB")) {
        continue;
      }
      long bytes;
      try {
        bytes = Long.parseLong(line.substring(colon + 1, line.length() - 3).trim()) * KIB;
      } catch (NumberFormatException e) {
        return Optional.empty();
      }
      switch (line.substring(0, colon)) {
        case "Pss" -> proportional = bytes;
        case "Private_Clean", "Private_Dirty" -> {
          own += bytes;
          found++;
        }
        // Pages of a reserved pool are in neither sum.
        case "Private_Hugetlb" -> huge = bytes;
        default -> {
          // Another figure.
        }
      }
    }
    return proportional < 0 || found < 2
        ? Optional.empty()
        : Optional.of(new MemoryUse(proportional + huge, own + huge));
  }
}
