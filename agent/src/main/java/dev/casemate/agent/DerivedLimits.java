package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Limits that the kernel derives from the machine's memory once, when it boots. A VM that grows
 * gets those of its new size: a copy of a template boots with little memory, and must not be left
 * with limits of so small a machine. What a user has set is left alone.
 */
final class DerivedLimits {
  private static final String SYSTEM = "/proc/sys/";
  private static final String MEMORY = "/proc/meminfo";
  private static final int MEMORY_LIMIT = 64 * 1024;
  private static final int VALUE_LIMIT = 256;

  /**
   * A limit.
   *
   * @param firstScaled index of the first of its numbers that depends on memory
   * @param most what the kernel itself gives at most
   */
  private record Limit(String name, int firstScaled, long most) {}

  private static final List<Limit> LIMITS =
      List.of(
          new Limit("kernel/threads-max", 0, 0x3fffffff),
          new Limit("fs/file-max", 0, Long.MAX_VALUE),
          new Limit("fs/epoll/max_user_watches", 0, Long.MAX_VALUE),
          new Limit("fs/inotify/max_user_watches", 0, 1 << 20),
          new Limit("net/ipv4/tcp_mem", 0, Integer.MAX_VALUE),
          new Limit("net/ipv4/udp_mem", 0, Integer.MAX_VALUE),
          new Limit("net/ipv4/tcp_max_orphans", 0, 1 << 18),
          new Limit("net/ipv4/tcp_rmem", 2, 6 << 20),
          new Limit("net/ipv4/tcp_wmem", 2, 4 << 20));

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
    for (Limit limit : LIMITS) {
      try {
        raise(limit, now);
      } catch (LinuxException e) {
        // Not every kernel has all of them.
        console.debug(limit.name() + " remains as it is: " + e.getMessage());
      }
    }
    memoryKib = now;
  }

  private static long memory() {
    return ProcText.memInfo(FileContent.readString(MEMORY, MEMORY_LIMIT), "MemTotal") / 1024;
  }

  private void raise(Limit limit, long now) {
    String path = SYSTEM + limit.name();
    String text = FileContent.readString(path, VALUE_LIMIT).strip();
    String last = known.putIfAbsent(limit.name(), text);
    if (last != null && !last.equals(text)) {
      return;
    }
    String scaled = scale(text, limit.firstScaled(), limit.most(), memoryKib, now);
    if (!scaled.equals(text)) {
      FileContent.writeControl(path, scaled);
      known.put(limit.name(), FileContent.readString(path, VALUE_LIMIT).strip());
    }
  }

  /** Numbers separated by blanks; those from {@code first} on grow as memory has grown. */
  static String scale(String text, int first, long most, long before, long now) {
    List<String> numbers = Text.split(text.replace('\t', ' '), ' ');
    StringBuilder scaled = new StringBuilder();
    for (int i = 0; i < numbers.size(); i++) {
      long number = Numbers.parse(numbers.get(i), -1);
      if (number < 0) {
        return text;
      }
      // Some are as good as infinite already, and never become smaller.
      boolean fits = i >= first && number <= Long.MAX_VALUE / now;
      long grown = fits ? Math.max(number, Math.min(number * now / before, most)) : number;
      scaled.append(i == 0 ? "" : "\t").append(grown);
    }
    return scaled.toString();
  }
}
