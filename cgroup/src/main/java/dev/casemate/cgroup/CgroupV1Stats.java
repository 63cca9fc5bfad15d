package dev.casemate.cgroup;

import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads what the groups of version 1 have used; what is not there is 0 or −1. */
final class CgroupV1Stats {
  /** USER_HZ of x86 and all other architectures that matter. */
  private static final long MICROS_PER_TICK = 10_000;

  /** The kernel's "no limit" is the largest number of bytes that is a multiple of the page size. */
  private static final long UNLIMITED = 1L << 62;

  private CgroupV1Stats() {}

  static CgroupStats read(CgroupV1 group, String unified) {
    Optional<String> pids = group.directory("pids");
    return new CgroupStats(
        cpu(group),
        memory(group.directory("memory")),
        new CgroupStats.Pids(
            pids.map(d -> CgroupFiles.number(d + "/pids.current", -1)).orElse(-1L),
            pids.map(d -> CgroupFiles.number(d + "/pids.max", -1)).orElse(-1L)),
        group.directory("blkio").map(CgroupV1Stats::io).orElse(List.of()),
        Optional.empty(),
        hugepages(group, unified));
  }

  private static CgroupStats.Cpu cpu(CgroupV1 group) {
    long total = 0;
    long user = 0;
    long system = 0;
    Optional<String> account = group.directory("cpuacct");
    if (account.isPresent()) {
      total = CgroupFiles.number(account.get() + "/cpuacct.usage", 0) / 1000;
      Map<String, Long> ticks =
          CgroupFiles.fields(CgroupFiles.read(account.get() + "/cpuacct.stat").orElse(""));
      user = ticks.getOrDefault("user", 0L) * MICROS_PER_TICK;
      system = ticks.getOrDefault("system", 0L) * MICROS_PER_TICK;
    }
    Map<String, Long> stat =
        CgroupFiles.fields(
            group.directory("cpu").flatMap(d -> CgroupFiles.read(d + "/cpu.stat")).orElse(""));
    return new CgroupStats.Cpu(
        total,
        user,
        system,
        stat.getOrDefault("nr_periods", 0L),
        stat.getOrDefault("nr_throttled", 0L),
        stat.getOrDefault("throttled_time", 0L) / 1000,
        stat.getOrDefault("nr_bursts", 0L),
        stat.getOrDefault("burst_time", 0L) / 1000,
        Optional.empty());
  }

  private static long limit(String path) {
    long value = CgroupFiles.number(path, -1);
    return value >= UNLIMITED ? -1 : value;
  }

  private static CgroupStats.Memory memory(Optional<String> group) {
    if (group.isEmpty()) {
      return new CgroupStats.Memory(-1, -1, -1, -1, -1, 0, 0, 0, Map.of(), Optional.empty());
    }
    String prefix = group.get() + "/memory.";
    long usage = CgroupFiles.number(prefix + "usage_in_bytes", -1);
    long limit = limit(prefix + "limit_in_bytes");
    long both = CgroupFiles.number(prefix + "memsw.usage_in_bytes", -1);
    long bothLimit = limit(prefix + "memsw.limit_in_bytes");
    Map<String, Long> control =
        CgroupFiles.fields(CgroupFiles.read(prefix + "oom_control").orElse(""));
    long kills = control.getOrDefault("oom_kill", 0L);
    return new CgroupStats.Memory(
        usage,
        CgroupFiles.number(prefix + "max_usage_in_bytes", -1),
        limit,
        both < 0 || usage < 0 ? -1 : Math.max(0, both - usage),
        bothLimit < 0 || limit < 0 ? -1 : Math.max(0, bothLimit - limit),
        CgroupFiles.number(prefix + "failcnt", 0),
        kills,
        kills,
        CgroupFiles.fields(CgroupFiles.read(prefix + "stat").orElse("")),
        Optional.empty());
  }

  private static List<CgroupStats.Io> io(String directory) {
    Map<String, long[]> devices = new LinkedHashMap<>();
    String prefix = directory + "/blkio.throttle.";
    count(CgroupFiles.read(prefix + "io_service_bytes_recursive").orElse(""), devices, 0);
    count(CgroupFiles.read(prefix + "io_serviced_recursive").orElse(""), devices, 1);
    List<CgroupStats.Io> list = new ArrayList<>();
    for (Map.Entry<String, long[]> device : devices.entrySet()) {
      int colon = device.getKey().indexOf(':');
      long[] n = device.getValue();
      list.add(
          new CgroupStats.Io(
              Integer.parseInt(device.getKey().substring(0, colon)),
              Integer.parseInt(device.getKey().substring(colon + 1)),
              n[0],
              n[2],
              n[1],
              n[3],
              n[4],
              n[5]));
    }
    return list;
  }

  /** Lines such as {@code 8:0 Read 90430464}: bytes and operations of reads, writes, discards. */
  static void count(String text, Map<String, long[]> devices, int kind) {
    for (String line : Text.split(text, '\n')) {
      List<String> words = Text.split(line, ' ');
      if (words.size() != 3 || words.get(0).indexOf(':') < 1) {
        continue;
      }
      int operation =
          switch (words.get(1)) {
            case "Read" -> 0;
            case "Write" -> 2;
            case "Discard" -> 4;
            default -> -1;
          };
      if (operation < 0) {
        continue;
      }
      long[] counters = devices.get(words.get(0));
      if (counters == null) {
        counters = new long[6];
        devices.put(words.get(0), counters);
      }
      counters[operation + kind] = Long.parseLong(words.get(2));
    }
  }

  private static List<CgroupStats.Hugepages> hugepages(CgroupV1 group, String unified) {
    Optional<String> own = group.directory("hugetlb");
    if (own.isEmpty()) {
      return unified.isEmpty() ? List.of() : CgroupFiles.hugepages(unified);
    }
    List<CgroupStats.Hugepages> sizes = new ArrayList<>();
    for (String size : CgroupFiles.HUGEPAGE_SIZES) {
      String prefix = own.get() + "/hugetlb." + size + ".";
      Optional<String> usage = CgroupFiles.read(prefix + "usage_in_bytes");
      if (usage.isPresent()) {
        sizes.add(
            new CgroupStats.Hugepages(
                size,
                Long.parseLong(usage.get().strip()),
                limit(prefix + "limit_in_bytes"),
                CgroupFiles.number(prefix + "failcnt", 0)));
      }
    }
    return sizes;
  }
}
