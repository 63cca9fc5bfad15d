package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads the files of control groups. One whose controller is not enabled is not there. */
final class CgroupFiles {
  static final List<String> HUGEPAGE_SIZES = List.of("64KB", "2MB", "32MB", "1GB");
  private static final int FILE_LIMIT = 1 << 20;

  private CgroupFiles() {}

  static Optional<String> read(String path) {
    try {
      return Optional.of(FileContent.readString(path, FILE_LIMIT));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENODEV || e.errno() == Errno.EOPNOTSUPP) {
        return Optional.empty();
      }
      throw Failures.of("reading " + path, e);
    }
  }

  static long parse(String text, long otherwise) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  /** A file with a number; {@code otherwise} if it is missing or says {@code max}. */
  static long number(String path, long otherwise) {
    return read(path).map(text -> parse(text.strip(), otherwise)).orElse(otherwise);
  }

  /** A line {@code name value} of a file's text. */
  static long field(String text, String name, long otherwise) {
    return fields(text).getOrDefault(name, otherwise);
  }

  static Map<String, Long> fields(String text) {
    Map<String, Long> fields = new LinkedHashMap<>();
    for (String line : Text.split(text, '\n')) {
      int blank = line.indexOf(' ');
      if (blank > 0) {
        long value = parse(line.substring(blank + 1), Long.MIN_VALUE);
        if (value != Long.MIN_VALUE) {
          fields.put(line.substring(0, blank), value);
        }
      }
    }
    return fields;
  }

  static CgroupStats stats(String directory) {
    return new CgroupStats(
        cpu(read(directory + "/cpu.stat").orElse(""), pressure(directory, "cpu")),
        memory(directory),
        new CgroupStats.Pids(
            number(directory + "/pids.current", -1), number(directory + "/pids.max", -1)),
        io(read(directory + "/io.stat").orElse("")),
        pressure(directory, "io"),
        hugepages(directory));
  }

  private static Optional<Pressure> pressure(String directory, String resource) {
    return read(directory + "/" + resource + ".pressure").flatMap(Pressure::parse);
  }

  static CgroupStats.Cpu cpu(String stat, Optional<Pressure> pressure) {
    Map<String, Long> fields = fields(stat);
    return new CgroupStats.Cpu(
        fields.getOrDefault("usage_usec", 0L),
        fields.getOrDefault("user_usec", 0L),
        fields.getOrDefault("system_usec", 0L),
        fields.getOrDefault("nr_periods", 0L),
        fields.getOrDefault("nr_throttled", 0L),
        fields.getOrDefault("throttled_usec", 0L),
        fields.getOrDefault("nr_bursts", 0L),
        fields.getOrDefault("burst_usec", 0L),
        pressure);
  }

  private static CgroupStats.Memory memory(String directory) {
    Map<String, Long> events = fields(read(directory + "/memory.events").orElse(""));
    return new CgroupStats.Memory(
        number(directory + "/memory.current", -1),
        number(directory + "/memory.peak", -1),
        number(directory + "/memory.max", -1),
        number(directory + "/memory.swap.current", -1),
        number(directory + "/memory.swap.max", -1),
        events.getOrDefault("max", 0L),
        events.getOrDefault("oom", 0L),
        events.getOrDefault("oom_kill", 0L),
        fields(read(directory + "/memory.stat").orElse("")),
        pressure(directory, "memory"));
  }

  /** Lines such as {@code 8:0 rbytes=90430464 wbytes=0 rios=8950 wios=0 dbytes=0 dios=0}. */
  static List<CgroupStats.Io> io(String stat) {
    List<CgroupStats.Io> devices = new ArrayList<>();
    for (String line : Text.split(stat, '\n')) {
      List<String> words = Text.split(line, ' ');
      int colon = words.isEmpty() ? -1 : words.get(0).indexOf(':');
      if (colon < 0) {
        continue;
      }
      Map<String, Long> values = new LinkedHashMap<>();
      for (String word : words) {
        int equals = word.indexOf('=');
        if (equals > 0) {
          values.put(word.substring(0, equals), parse(word.substring(equals + 1), 0));
        }
      }
      devices.add(
          new CgroupStats.Io(
              (int) parse(words.get(0).substring(0, colon), 0),
              (int) parse(words.get(0).substring(colon + 1), 0),
              values.getOrDefault("rbytes", 0L),
              values.getOrDefault("wbytes", 0L),
              values.getOrDefault("rios", 0L),
              values.getOrDefault("wios", 0L),
              values.getOrDefault("dbytes", 0L),
              values.getOrDefault("dios", 0L)));
    }
    return devices;
  }

  static List<CgroupStats.Hugepages> hugepages(String directory) {
    List<CgroupStats.Hugepages> sizes = new ArrayList<>();
    for (String size : HUGEPAGE_SIZES) {
      String file = directory + "/hugetlb." + size;
      Optional<String> current = read(file + ".current");
      if (current.isPresent()) {
        sizes.add(
            new CgroupStats.Hugepages(
                size,
                parse(current.get().strip(), 0),
                number(file + ".max", -1),
                field(read(file + ".events").orElse(""), "max", 0)));
      }
    }
    return sizes;
  }

  /** Names of the groups in a group; most have none, which the number of links says. */
  static List<String> children(String directory) {
    List<String> children = new ArrayList<>();
    try {
      if (Fs.stat(directory).links() == 2) {
        return children;
      }
      for (String name : Fs.list(directory)) {
        if (Fs.lstat(directory + "/" + name).isDirectory()) {
          children.add(name);
        }
      }
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENODEV) {
        throw e;
      }
    }
    return children;
  }
}
