package dev.casemate.agent;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Huge pages for volumes of them: the guest's kernel sets pages aside before anything can map them
 * ({@code Documentation/admin-guide/mm/hugetlbpage.rst}).
 */
final class HugePages {
  private static final String SYSFS = "/sys/kernel/mm/hugepages/hugepages-";
  private static final int PAGES_LIMIT = 1 << 20;

  private final Map<String, long[]> byMountPoint = new HashMap<>();

  /**
   * Sets aside what a volume of type hugetlbfs can hold.
   *
   * @param options {@code pagesize=2M} and {@code size=} in bytes
   */
  void reserve(String mountPoint, List<String> options) {
    long pageKib = kib(MountOptions.value(options, "pagesize").orElse("2M"));
    long bytes = Numbers.parse(MountOptions.value(options, "size").orElse(""), 0);
    long pages = (bytes + pageKib * 1024 - 1) / (pageKib * 1024);
    if (pages <= 0 || pages > PAGES_LIMIT) {
      throw Failures.invalid(
          "volume of huge pages at "
              + mountPoint
              + " has size \""
              + MountOptions.value(options, "size").orElse("")
              + "\"; expected a size in bytes of 1 to "
              + PAGES_LIMIT
              + " pages");
    }
    String control = SYSFS + pageKib + "kB/nr_hugepages";
    if (!Fs.exists(control)) {
      throw Failures.invalid(
          "the guest has no huge pages of "
              + pageKib
              + " KiB; x86-64 supports 2 MiB and, on some processors, 1 GiB");
    }
    long before = count(control);
    FileContent.writeControl(control, Long.toString(before + pages));
    long now = count(control);
    if (now < before + pages) {
      FileContent.writeControl(control, Long.toString(before));
      throw CasemateException.of(
          Kind.RESOURCE_EXHAUSTED,
          "the guest can reserve only "
              + (now - before)
              + " of "
              + pages
              + " huge pages of "
              + pageKib
              + " KiB: give the VM more memory");
    }
    byMountPoint.put(mountPoint, new long[] {pageKib, pages});
  }

  /** Gives back what a volume had. */
  void release(String mountPoint) {
    long[] reserved = byMountPoint.remove(mountPoint);
    if (reserved == null) {
      return;
    }
    String control = SYSFS + reserved[0] + "kB/nr_hugepages";
    try {
      FileContent.writeControl(control, Long.toString(Math.max(0, count(control) - reserved[1])));
    } catch (LinuxException e) {
      // Still mapped somewhere: they are freed with that.
    }
  }

  private static long count(String control) {
    return Numbers.parse(FileContent.readString(control, 64).strip(), 0);
  }

  private static long kib(String size) {
    if (size.isEmpty()) {
      return 0;
    }
    char unit = size.charAt(size.length() - 1);
    long number = Numbers.parse(size.substring(0, size.length() - 1), 0);
    return switch (unit) {
      case 'K', 'k' -> number;
      case 'M', 'm' -> number * 1024;
      case 'G', 'g' -> number * 1024 * 1024;
      default -> Numbers.parse(size, 0) / 1024;
    };
  }
}
