package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Gives back pages that another process has mapped of files and not changed: of code and constants,
 * and of files that it has read and does not need again. They stay in the page cache, and what the
 * process uses again is mapped again.
 *
 * <p>{@code process_madvise(2)} cannot do that: what it offers for others takes the pages out of
 * the page cache, too, and the next process would read the disk.
 */
public final class UnusedPages {
  private static final int PAGE = 4096;
  private static final int ENTRY = 8;
  private static final int ENTRIES = 4096;
  private static final int MAPS_LIMIT = 1 << 20;

  /**
   * How much address space is looked at. All files of a program have less; one that was taken over
   * could map a file a thousand times its size, and looking would take hours.
   */
  private static final long MOST_BYTES = 4L << 30;

  private static final int MOST_CALLS = 16_384;
  private static final int DONT_NEED = 4;

  // Bits of /proc/pid/pagemap.
  private static final long PRESENT = 1L << 63;
  private static final long SWAPPED = 1L << 62;
  private static final long OF_A_FILE = 1L << 61;

  private UnusedPages() {}

  /**
   * A part of an address space.
   *
   * @param end excluded
   */
  record Range(long start, long end) {}

  /**
   * Gives back the pages of a process. Does nothing if the process is busy, or this one may not
   * trace it.
   *
   * @param read absolute paths of files, as the process knows them, that it has mapped writable and
   *     does not write to; of others only what it cannot write to is given back
   * @return how many bytes of address space that was
   */
  public static long release(int pid, Set<String> read) {
    try (Tracee tracee = new Tracee(pid)) {
      long bytes = 0;
      int calls = 0;
      for (Range mapping :
          mappings(FileContent.readString("/proc/" + pid + "/maps", MAPS_LIMIT), read)) {
        for (Range range : unchanged(pid, mapping)) {
          if (calls++ == MOST_CALLS) {
            return bytes;
          }
          long size = range.end() - range.start();
          bytes += tracee.call(SystemCall.MADVISE, range.start(), size, DONT_NEED) == 0 ? size : 0;
        }
      }
      return bytes;
    } catch (LinuxException e) {
      return 0;
    }
  }

  /** The mappings of {@code /proc/pid/maps} that may have such pages. */
  static List<Range> mappings(String maps, Set<String> read) {
    List<Range> ranges = new ArrayList<>();
    long left = MOST_BYTES;
    for (String line : Text.split(maps, '\n')) {
      // 7f0a50800000-7f0a53ac7000 rw-p 00000000 fe:00 861547    /guest/kernel
      List<String> words = Text.split(line, ' ');
      if (words.size() < 6 || words.get(4).equals("0")) {
        continue;
      }
      String rights = words.get(1);
      int dash = words.get(0).indexOf('-');
      boolean constant = rights.charAt(1) == '-' || isRead(words.get(5), read);
      if (dash > 0 && rights.endsWith("p") && constant) {
        long start = Long.parseUnsignedLong(words.get(0).substring(0, dash), 16);
        long end = Long.parseUnsignedLong(words.get(0).substring(dash + 1), 16);
        left -= end - start;
        if (left < 0) {
          return ranges;
        }
        ranges.add(new Range(start, end));
      }
    }
    return ranges;
  }

  /** The kernel shows paths of other mount namespaces below what these are mounted on. */
  private static boolean isRead(String path, Set<String> read) {
    for (String end : read) {
      if (path.endsWith(end)) {
        return true;
      }
    }
    return false;
  }

  /** The parts of a mapping without pages that the process has changed, now or earlier. */
  private static List<Range> unchanged(int pid, Range mapping) {
    List<Range> ranges = new ArrayList<>();
    try (Fd pagemap = Fs.open("/proc/" + pid + "/pagemap", OpenFlag.READ_ONLY);
        NativeBuffer entries = NativeBuffer.allocate(ENTRIES * ENTRY)) {
      long begin = -1;
      long end = -1;
      for (long at = mapping.start(); at < mapping.end(); ) {
        long wanted = Math.min(ENTRIES, (mapping.end() - at) / PAGE) * ENTRY;
        long got =
            SystemCall.check(
                SystemCall.raw(
                    SystemCall.PREAD64,
                    pagemap.number(),
                    entries.address(),
                    wanted,
                    at / PAGE * ENTRY),
                "pread",
                "pagemap");
        if (got < ENTRY) {
          break;
        }
        for (int i = 0; i < got / ENTRY; i++, at += PAGE) {
          long entry = entries.getLong(i * ENTRY);
          boolean there = (entry & (PRESENT | SWAPPED)) != 0;
          if (there && (entry & OF_A_FILE) == 0) {
            add(ranges, begin, end);
            begin = -1;
          } else if (there) {
            begin = begin < 0 ? at : begin;
            end = at + PAGE;
          }
        }
      }
      add(ranges, begin, end);
    }
    return ranges;
  }

  private static void add(List<Range> ranges, long begin, long end) {
    if (begin >= 0) {
      ranges.add(new Range(begin, end));
    }
  }
}
