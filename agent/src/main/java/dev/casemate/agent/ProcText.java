package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads texts of proc(5). A process chooses its own name, so nothing in them is taken on trust. */
final class ProcText {
  private static final int PAGE = 4096;
  private static final int LINES_LIMIT = 4096;
  private static final int FILE_LIMIT = 256 * 1024;

  private ProcText() {}

  /** An entry of {@code /proc/meminfo} in bytes; 0 if it has none of that name. */
  static long memInfo(String text, String name) {
    for (String line : Text.split(text, '\n')) {
      if (line.startsWith(name) && line.startsWith(":", name.length())) {
        List<String> words = Text.split(line.substring(name.length() + 1), ' ');
        return words.isEmpty() ? 0 : 1024 * Numbers.parse(words.get(0), 0);
      }
    }
    return 0;
  }

  /** Resident bytes by {@code /proc/PID/statm}. */
  static long residentBytes(String statm) {
    List<String> words = Text.split(statm.strip(), ' ');
    return words.size() < 2 ? 0 : PAGE * Numbers.parse(words.get(1), 0);
  }

  /**
   * Counters of one network interface, in the order of {@code /proc/net/dev}.
   *
   * @param values 16 counters: 8 of receiving, 8 of sending
   */
  record NetDev(String name, List<Long> values) {}

  /**
   * The machine's interfaces but the loopback one; none if there are so many that somebody must be
   * making them for fun.
   */
  static List<NetDev> netDev() {
    try {
      return netDev(FileContent.readString("/proc/net/dev", FILE_LIMIT));
    } catch (LinuxException e) {
      if (e.errno() == Errno.EFBIG) {
        return List.of();
      }
      throw e;
    }
  }

  /** The interfaces of {@code /proc/net/dev} but the loopback one. */
  static List<NetDev> netDev(String text) {
    List<NetDev> devices = new ArrayList<>();
    for (String line : Text.split(text, '\n')) {
      int colon = line.indexOf(':');
      if (colon < 0 || devices.size() >= LINES_LIMIT) {
        continue;
      }
      String name = line.substring(0, colon).strip();
      List<Long> values = new ArrayList<>();
      for (String word : Text.split(line.substring(colon + 1), ' ')) {
        values.add(Numbers.parse(word, 0));
      }
      if (!name.equals("lo") && values.size() >= 16) {
        devices.add(new NetDev(name, values));
      }
    }
    return devices;
  }

  /** Lines of a name and a number, as those of {@code memory.events}. */
  static Map<String, Long> fields(String text) {
    Map<String, Long> fields = new LinkedHashMap<>();
    for (String line : Text.split(text, '\n')) {
      List<String> words = Text.split(line, ' ');
      if (words.size() == 2) {
        fields.put(words.get(0), Numbers.parse(words.get(1), 0));
      }
    }
    return fields;
  }

  /** How many CPUs the kernel uses. */
  static int onlineCpus() {
    return Math.max(
        1, cpus(FileContent.readString("/sys/devices/system/cpu/online", FILE_LIMIT).strip()));
  }

  /** How many CPUs are in a list such as {@code 0-2,5}. */
  static int cpus(String list) {
    long count = 0;
    for (String range : Text.split(list, ',')) {
      int dash = range.indexOf('-');
      long first = Numbers.parse(dash < 0 ? range : range.substring(0, dash), 0);
      long last = dash < 0 ? first : Numbers.parse(range.substring(dash + 1), first);
      count += Math.max(0, last - first + 1);
    }
    return (int) Math.min(count, LINES_LIMIT);
  }
}
