package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.ResourceLimits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Limits that the kernel derives from the machine's memory once, when it boots. A VM that grows
 * gets those of its new size: a copy of a template boots with little memory, and must not be left
 * with the limits of so small a machine. What a user has set is left alone, and nothing shrinks.
 *
 * <p>The rules are the kernel's own: kernel/fork.c, fs/file_table.c, fs/eventpoll.c,
 * fs/notify/inotify/inotify_user.c, net/ipv4/tcp.c, net/ipv4/udp.c, mm/huge_memory.c.
 */
final class DerivedLimits {
  private static final String SYSTEM = "/proc/sys/";
  private static final String MEMORY = "/proc/meminfo";
  private static final String LARGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled";
  private static final int MEMORY_LIMIT = 64 * 1024;
  private static final int VALUE_LIMIT = 256;
  private static final long LEAST_FOR_LARGE_PAGES_KIB = 512 << 10;

  private static final List<String> NAMESPACES =
      List.of("user", "pid", "uts", "ipc", "net", "mnt", "cgroup", "time");

  private final Console console;
  private final Map<String, String> known = new HashMap<>();
  private long memoryKib;

  DerivedLimits(Console console) {
    this.console = console;
  }

  /** Memory is about to come: what there is so far belongs to the limits of now. */
  void remember() {
    if (memoryKib == 0) {
      memoryKib = memory();
    }
  }

  /** Memory has come, or may have. */
  void follow() {
    long now = memory();
    if (memoryKib == 0 || now <= memoryKib) {
      return;
    }
    for (Map.Entry<String, List<Long>> limit : of(now).entrySet()) {
      try {
        raise(limit.getKey(), limit.getValue());
      } catch (LinuxException e) {
        // Not every kernel has all of them.
        console.debug(limit.getKey() + " remains as it is: " + e.getMessage());
      }
    }
    try {
      raiseOwn(now);
    } catch (LinuxException e) {
      console.debug("limits of processes remain as they are: " + e.getMessage());
    }
    memoryKib = now;
  }

  private static long memory() {
    return ProcText.memInfo(FileContent.readString(MEMORY, MEMORY_LIMIT), "MemTotal") / 1024;
  }

  /**
   * What a kernel that boots with so much memory has; 0 for a number that does not depend on it.
   */
  static Map<String, List<Long>> of(long kib) {
    long pages = kib / 4;
    long threads = kib / 128;
    Map<String, List<Long>> limits = new HashMap<>();
    limits.put("kernel/threads-max", List.of(threads));
    limits.put("fs/file-max", List.of(kib / 10));
    limits.put("fs/epoll/max_user_watches", List.of(kib * 1024 / 25 / 188));
    limits.put(
        "fs/inotify/max_user_watches",
        List.of(Math.clamp(kib * 1024 / 100 / 1350, 8192L, 1L << 20)));
    limits.put("net/ipv4/tcp_mem", middle(pages / 16));
    limits.put("net/ipv4/udp_mem", middle(pages / 8));
    limits.put("net/ipv4/tcp_max_orphans", List.of(Math.min(pages / 64, 1L << 18)));
    limits.put("net/ipv4/tcp_rmem", List.of(0L, 0L, Math.min(pages * 32, 6L << 20)));
    limits.put("net/ipv4/tcp_wmem", List.of(0L, 0L, Math.min(pages * 32, 4L << 20)));
    for (String namespace : NAMESPACES) {
      limits.put("user/max_" + namespace + "_namespaces", List.of(threads / 2));
    }
    return limits;
  }

  private static List<Long> middle(long limit) {
    return List.of(limit / 4 * 3, limit, limit / 4 * 6);
  }

  private void raise(String name, List<Long> wanted) {
    String path = SYSTEM + name;
    String text = FileContent.readString(path, VALUE_LIMIT).strip();
    String last = known.putIfAbsent(name, text);
    if (last != null && !last.equals(text)) {
      return;
    }
    String raised = raised(text, wanted);
    if (!raised.equals(text)) {
      FileContent.writeControl(path, raised);
      known.put(name, FileContent.readString(path, VALUE_LIMIT).strip());
    }
  }

  /** The numbers of a file, separated by tabs, each at least as wanted. */
  static String raised(String text, List<Long> wanted) {
    List<String> result = new ArrayList<>();
    List<String> numbers = List.of(text.split("\t"));
    if (numbers.size() != wanted.size()) {
      return text;
    }
    for (int i = 0; i < numbers.size(); i++) {
      long number = Numbers.parse(numbers.get(i), -1);
      if (number < 0) {
        return text;
      }
      result.add(Long.toString(Math.max(number, wanted.get(i))));
    }
    return String.join("\t", result);
  }

  /** What processes inherit from this one, and large pages, which a small machine does without. */
  private void raiseOwn(long now) {
    int pending = ResourceLimits.number("RLIMIT_SIGPENDING");
    long signals = Math.max(now / 256, ResourceLimits.get(pending).hard());
    ResourceLimits.set(pending, new ResourceLimits.Limit(signals, signals));
    if (memoryKib < LEAST_FOR_LARGE_PAGES_KIB
        && now >= LEAST_FOR_LARGE_PAGES_KIB
        && FileContent.readString(LARGE_PAGES, VALUE_LIMIT).contains("[never]")) {
      FileContent.writeControl(LARGE_PAGES, "always");
    }
  }
}
