package dev.casemate.shim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.protocol.agent.BlkioStats;
import dev.casemate.protocol.agent.BlkioStatsEntry;
import dev.casemate.protocol.agent.CgroupStats;
import dev.casemate.protocol.agent.CpuStats;
import dev.casemate.protocol.agent.CpuUsage;
import dev.casemate.protocol.agent.HugetlbStats;
import dev.casemate.protocol.agent.MemoryData;
import dev.casemate.protocol.agent.MemoryStats;
import dev.casemate.protocol.agent.NetworkStats;
import dev.casemate.protocol.agent.PidsStats;
import dev.casemate.protocol.agent.PressureStats;
import dev.casemate.protocol.agent.StallStats;
import dev.casemate.protocol.agent.StatsContainerResponse;
import dev.casemate.protocol.agent.ThrottlingData;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Every field of the metrics, one by one: clients follow nested messages without looking. */
class MetricsFieldsTest {
  private static final long UNLIMITED_V1 = 0x7ffffffffffff000L;

  /** The lines of the guest's memory.stat that metrics are made of. */
  private static final List<String> LINES =
      List.of(
          "anon",
          "file",
          "kernel_stack",
          "slab",
          "sock",
          "shmem",
          "file_mapped",
          "file_dirty",
          "file_writeback",
          "anon_thp",
          "inactive_anon",
          "active_anon",
          "inactive_file",
          "active_file",
          "unevictable",
          "slab_reclaimable",
          "slab_unreclaimable",
          "pgfault",
          "pgmajfault",
          "workingset_refault_anon",
          "workingset_refault_file",
          "workingset_activate_anon",
          "workingset_activate_file",
          "workingset_nodereclaim",
          "pgrefill",
          "pgscan",
          "pgsteal",
          "pgactivate",
          "pgdeactivate",
          "pglazyfree",
          "pglazyfreed",
          "thp_fault_alloc",
          "thp_collapse_alloc");

  /** 1000 and its number for each line. */
  private static long line(String name) {
    assertThat(LINES).contains(name);
    return 1000L + LINES.indexOf(name);
  }

  static StatsContainerResponse stats(long memoryLimit, long swapLimit) {
    Map<String, Long> lines = new LinkedHashMap<>();
    LINES.forEach(name -> lines.put(name, line(name)));
    return StatsContainerResponse.builder()
        .cgroupStats(
            CgroupStats.builder()
                .cpuStats(
                    CpuStats.builder()
                        .cpuUsage(
                            CpuUsage.builder()
                                .totalUsage(50_000)
                                .percpuUsage(List.of(20_000L, 30_000L))
                                .usageInUsermode(40_000)
                                .usageInKernelmode(10_000)
                                .build())
                        .throttlingData(
                            ThrottlingData.builder()
                                .periods(11)
                                .throttledPeriods(12)
                                .throttledTime(13_000)
                                .bursts(14)
                                .burstTime(15_000)
                                .build())
                        .pressure(pressure(1_00))
                        .build())
                .memoryStats(
                    MemoryStats.builder()
                        .usage(
                            MemoryData.builder()
                                .usage(500)
                                .maxUsage(600)
                                .failcnt(7)
                                .limit(memoryLimit)
                                .build())
                        .swapUsage(MemoryData.builder().usage(30).limit(swapLimit).build())
                        .kernelUsage(MemoryData.builder().usage(90).limit(-1).build())
                        .stats(lines)
                        .events(
                            Map.of(
                                "low",
                                31L,
                                "high",
                                32L,
                                "max",
                                33L,
                                "oom",
                                34L,
                                "oom_kill",
                                35L,
                                "oom_group_kill",
                                36L))
                        .pressure(pressure(2_00))
                        .build())
                .pidsStats(PidsStats.builder().current(3).limit(4).build())
                .blkioStats(
                    BlkioStats.builder()
                        .addIoServiceBytesRecursive(entry("Read", 71))
                        .addIoServiceBytesRecursive(entry("Write", 72))
                        .addIoServicedRecursive(entry("Read", 73))
                        .addIoServicedRecursive(entry("Write", 74))
                        .pressure(pressure(3_00))
                        .build())
                .putHugetlbStats(
                    "2MB",
                    HugetlbStats.builder().usage(81).maxUsage(82).failcnt(83).limit(84).build())
                .build())
        .addNetworkStats(
            NetworkStats.builder()
                .name("eth0")
                .rxBytes(91)
                .rxPackets(92)
                .rxErrors(93)
                .rxDropped(94)
                .txBytes(95)
                .txPackets(96)
                .txErrors(97)
                .txDropped(98)
                .build())
        .build();
  }

  private static PressureStats pressure(long from) {
    return PressureStats.builder().some(stall(from)).full(stall(from + 50)).build();
  }

  private static StallStats stall(long from) {
    return StallStats.builder()
        .avg10(from + 1)
        .avg60(from + 2)
        .avg300(from + 3)
        .total(from + 4)
        .build();
  }

  private static void pressure(Map<String, Object> expected, String resource, int from) {
    String some = resource + ".psi.some.";
    expected.put(some + "avg10", (from * 100 + 1) / 100.0);
    expected.put(some + "avg60", (from * 100 + 2) / 100.0);
    expected.put(some + "avg300", (from * 100 + 3) / 100.0);
    expected.put(some + "total", from * 100L + 4);
    String full = resource + ".psi.full.";
    expected.put(full + "avg10", (from * 100 + 51) / 100.0);
    expected.put(full + "avg60", (from * 100 + 52) / 100.0);
    expected.put(full + "avg300", (from * 100 + 53) / 100.0);
    expected.put(full + "total", from * 100L + 54);
  }

  private static BlkioStatsEntry entry(String op, long value) {
    return BlkioStatsEntry.builder().major(254).minor(16).op(op).value(value).build();
  }

  /** All leaves of a message by their paths; a message that is absent is an empty Optional. */
  static Map<String, Object> flat(Record message) {
    Map<String, Object> all = new TreeMap<>();
    add(all, "", message);
    return all;
  }

  private static void add(Map<String, Object> all, String path, Object value) {
    switch (value) {
      case Optional<?> message when message.isPresent() -> add(all, path, message.get());
      case Record message -> {
        for (RecordComponent part : message.getClass().getRecordComponents()) {
          try {
            Object inner = part.getAccessor().invoke(message);
            add(all, path.isEmpty() ? part.getName() : path + "." + part.getName(), inner);
          } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
          }
        }
      }
      case List<?> list when !list.isEmpty() && list.getFirst() instanceof Record -> {
        for (int i = 0; i < list.size(); i++) {
          add(all, path + "." + i, list.get(i));
        }
      }
      default -> all.put(path, value);
    }
  }

  private static List<String> absent(Record message) {
    List<String> paths = new ArrayList<>();
    flat(message)
        .forEach(
            (path, value) -> {
              if (value.equals(Optional.empty())) {
                paths.add(path);
              }
            });
    return paths;
  }

  private static void network(Map<String, Object> expected) {
    expected.put("network.0.name", "eth0");
    expected.put("network.0.rxBytes", 91L);
    expected.put("network.0.rxPackets", 92L);
    expected.put("network.0.rxErrors", 93L);
    expected.put("network.0.rxDropped", 94L);
    expected.put("network.0.txBytes", 95L);
    expected.put("network.0.txPackets", 96L);
    expected.put("network.0.txErrors", 97L);
    expected.put("network.0.txDropped", 98L);
  }

  private static void memoryEntry(
      Map<String, Object> expected, String name, long limit, long usage, long max, long failures) {
    expected.put("memory." + name + ".limit", limit);
    expected.put("memory." + name + ".usage", usage);
    expected.put("memory." + name + ".max", max);
    expected.put("memory." + name + ".failcnt", failures);
  }

  @Test
  void everyFieldOfVersion1() {
    Map<String, Object> expected = new TreeMap<>();
    expected.put("hugetlb.0.usage", 81L);
    expected.put("hugetlb.0.max", 82L);
    expected.put("hugetlb.0.failcnt", 83L);
    expected.put("hugetlb.0.pagesize", "2MB");
    expected.put("pids.current", 3L);
    expected.put("pids.limit", 4L);
    expected.put("cpu.usage.total", 50_000L);
    expected.put("cpu.usage.kernel", 10_000L);
    expected.put("cpu.usage.user", 40_000L);
    expected.put("cpu.usage.perCpu", List.of(20_000L, 30_000L));
    expected.put("cpu.throttling.periods", 11L);
    expected.put("cpu.throttling.throttledPeriods", 12L);
    expected.put("cpu.throttling.throttledTime", 13_000L);
    Map<String, String> lines =
        Map.ofEntries(
            Map.entry("Cache", "file"),
            Map.entry("Rss", "anon"),
            Map.entry("RssHuge", "anon_thp"),
            Map.entry("MappedFile", "file_mapped"),
            Map.entry("Dirty", "file_dirty"),
            Map.entry("Writeback", "file_writeback"),
            Map.entry("PgFault", "pgfault"),
            Map.entry("PgMajFault", "pgmajfault"),
            Map.entry("InactiveAnon", "inactive_anon"),
            Map.entry("ActiveAnon", "active_anon"),
            Map.entry("InactiveFile", "inactive_file"),
            Map.entry("ActiveFile", "active_file"),
            Map.entry("Unevictable", "unevictable"));
    lines.forEach(
        (name, of) -> {
          expected.put(
              "memory." + Character.toLowerCase(name.charAt(0)) + name.substring(1), line(of));
          expected.put("memory.total" + name, line(of));
        });
    // Version 2 does not count them.
    for (String name : List.of("pgPgIn", "pgPgOut", "totalPgPgIn", "totalPgPgOut")) {
      expected.put("memory." + name, 0L);
    }
    expected.put("memory.hierarchicalMemoryLimit", 10_000L);
    expected.put("memory.hierarchicalSwapLimit", 14_000L);
    memoryEntry(expected, "usage", 10_000, 500, 600, 7);
    memoryEntry(expected, "swap", 14_000, 530, 600, 0);
    memoryEntry(expected, "kernel", UNLIMITED_V1, 90, 90, 0);
    memoryEntry(expected, "kernelTcp", UNLIMITED_V1, line("sock"), line("sock"), 0);
    expected.put("memoryOomControl.oomKillDisable", 0L);
    expected.put("memoryOomControl.underOom", 0L);
    expected.put("memoryOomControl.oomKill", 35L);
    long value = 71;
    for (String list : List.of("ioServiceBytesRecursive", "ioServicedRecursive")) {
      for (int i = 0; i < 2; i++) {
        String path = "blkio." + list + "." + i;
        expected.put(path + ".op", i == 0 ? "Read" : "Write");
        expected.put(path + ".device", "254:16");
        expected.put(path + ".major", 254L);
        expected.put(path + ".minor", 16L);
        expected.put(path + ".value", value++);
      }
    }
    for (String list :
        List.of(
            "ioQueuedRecursive",
            "ioServiceTimeRecursive",
            "ioWaitTimeRecursive",
            "ioMergedRecursive",
            "ioTimeRecursive",
            "sectorsRecursive")) {
      expected.put("blkio." + list, List.of());
    }
    expected.put("rdma.current", List.of());
    expected.put("rdma.limit", List.of());
    network(expected);
    // runc's library has no such figures: they come from elsewhere.
    expected.put("cgroupStats", Optional.empty());
    expected.put("host", Optional.empty());

    assertThat(flat(MetricsV1.of(stats(10_000, 4_000), Optional.empty())))
        .containsExactlyInAnyOrderEntriesOf(expected);
  }

  @Test
  void everyFieldOfVersion2() {
    Map<String, Object> expected = new TreeMap<>();
    expected.put("pids.current", 3L);
    expected.put("pids.limit", 4L);
    expected.put("cpu.usageUsec", 50L);
    expected.put("cpu.userUsec", 40L);
    expected.put("cpu.systemUsec", 10L);
    expected.put("cpu.nrPeriods", 11L);
    expected.put("cpu.nrThrottled", 12L);
    expected.put("cpu.throttledUsec", 13L);
    expected.put("cpu.nrBursts", 14L);
    expected.put("cpu.burstUsec", 15L);
    pressure(expected, "cpu", 1);
    pressure(expected, "memory", 2);
    pressure(expected, "io", 3);
    for (String name : LINES) {
      if (!name.startsWith("workingset_") || name.equals("workingset_nodereclaim")) {
        expected.put("memory." + camelCase(name), line(name));
      }
    }
    expected.put(
        "memory.workingsetRefault",
        line("workingset_refault_anon") + line("workingset_refault_file"));
    expected.put(
        "memory.workingsetActivate",
        line("workingset_activate_anon") + line("workingset_activate_file"));
    expected.put("memory.usage", 500L);
    expected.put("memory.usageLimit", 10_000L);
    expected.put("memory.maxUsage", 600L);
    expected.put("memory.swapUsage", 30L);
    expected.put("memory.swapLimit", 4_000L);
    expected.put("memory.swapMaxUsage", 30L);
    expected.put("memoryEvents.low", 31L);
    expected.put("memoryEvents.high", 32L);
    expected.put("memoryEvents.max", 33L);
    expected.put("memoryEvents.oom", 34L);
    expected.put("memoryEvents.oomKill", 35L);
    expected.put("memoryEvents.oomGroupKill", 36L);
    expected.put("io.usage.0.major", 254L);
    expected.put("io.usage.0.minor", 16L);
    expected.put("io.usage.0.rbytes", 71L);
    expected.put("io.usage.0.wbytes", 72L);
    expected.put("io.usage.0.rios", 73L);
    expected.put("io.usage.0.wios", 74L);
    expected.put("host", Optional.empty());
    expected.put("hugetlb.0.current", 81L);
    expected.put("hugetlb.0.max", 84L);
    expected.put("hugetlb.0.failcnt", 83L);
    expected.put("hugetlb.0.pagesize", "2MB");
    expected.put("rdma.current", List.of());
    expected.put("rdma.limit", List.of());
    network(expected);

    assertThat(flat(MetricsV2.of(stats(10_000, 4_000), Optional.empty())))
        .containsExactlyInAnyOrderEntriesOf(expected);
  }

  private static String camelCase(String name) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c != '_') {
        text.append(i > 0 && name.charAt(i - 1) == '_' ? Character.toUpperCase(c) : c);
      }
    }
    return text.toString();
  }

  @Test
  void onlyPressureIsAbsentIfTheGuestTellsNothing() {
    StatsContainerResponse nothing = StatsContainerResponse.builder().build();
    assertThat(absent(MetricsV1.of(nothing, Optional.empty())))
        .containsExactly("cgroupStats", "host");
    assertThat(absent(MetricsV2.of(nothing, Optional.empty())))
        .containsExactlyInAnyOrder("cpu.psi", "io.psi", "memory.psi", "host");
    StatsContainerResponse hollow =
        StatsContainerResponse.builder()
            .cgroupStats(
                CgroupStats.builder()
                    .cpuStats(CpuStats.builder().build())
                    .memoryStats(MemoryStats.builder().build())
                    .build())
            .build();
    assertThat(absent(MetricsV1.of(hollow, Optional.empty())))
        .containsExactly("cgroupStats", "host");
    assertThat(absent(MetricsV2.of(hollow, Optional.empty())))
        .containsExactlyInAnyOrder("cpu.psi", "io.psi", "memory.psi", "host");
  }

  @Test
  void noLimitIsWhatTheKernelsOfBothVersionsSay() {
    StatsContainerResponse unlimited = stats(-1, -1);
    Map<String, Object> one = flat(MetricsV1.of(unlimited, Optional.empty()));
    for (String name : List.of("usage", "swap", "kernel", "kernelTcp")) {
      assertThat(one).containsEntry("memory." + name + ".limit", UNLIMITED_V1);
    }
    assertThat(one).containsEntry("memory.hierarchicalMemoryLimit", UNLIMITED_V1);
    assertThat(one).containsEntry("memory.hierarchicalSwapLimit", UNLIMITED_V1);
    assertThat(flat(MetricsV2.of(unlimited, Optional.empty())))
        .containsEntry("memory.usageLimit", -1L)
        .containsEntry("memory.swapLimit", -1L);
    StatsContainerResponse nothing = StatsContainerResponse.builder().build();
    assertThat(flat(MetricsV1.of(nothing, Optional.empty()))).containsEntry("pids.limit", 0L);
    assertThat(flat(MetricsV2.of(nothing, Optional.empty()))).containsEntry("pids.limit", -1L);
  }
}
