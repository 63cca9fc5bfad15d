package dev.casemate.cellcli;

import dev.casemate.base.Json;
import dev.casemate.cgroup.CgroupStats;
import dev.casemate.cgroup.Pressure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A control group's counters in the shape of runc's {@code events --stats} (types.Stats). */
final class StatisticsJson {
  private StatisticsJson() {}

  static Json.Obj of(CgroupStats stats) {
    Json.Obj data = new Json.Obj();
    data.put("cpu", cpu(stats.cpu()));
    data.put("memory", memory(stats.memory()));
    Json.Obj pids = new Json.Obj().put("current", Math.max(0, stats.pids().current()));
    if (stats.pids().limit() >= 0) {
      pids.put("limit", stats.pids().limit());
    }
    data.put("pids", pids);
    data.put("blkio", blockIo(stats.io(), stats.ioPressure()));
    Json.Obj hugetlb = new Json.Obj();
    for (CgroupStats.Hugepages pages : stats.hugepages()) {
      hugetlb.put(
          pages.pageSize(),
          new Json.Obj().put("usage", pages.usage()).put("failcnt", pages.failures()));
    }
    data.put("hugetlb", hugetlb);
    return data;
  }

  /** Nanoseconds, as runc has them. */
  private static Json.Obj cpu(CgroupStats.Cpu cpu) {
    Json.Obj usage =
        new Json.Obj()
            .put("total", nanos(cpu.totalMicros()))
            .put("kernel", nanos(cpu.systemMicros()))
            .put("user", nanos(cpu.userMicros()));
    Json.Obj throttling =
        new Json.Obj()
            .put("periods", Math.max(0, cpu.periods()))
            .put("throttledPeriods", Math.max(0, cpu.throttledPeriods()))
            .put("throttledTime", nanos(cpu.throttledMicros()));
    Json.Obj all = new Json.Obj().put("usage", usage).put("throttling", throttling);
    return pressure(all, cpu.pressure());
  }

  private static long nanos(long micros) {
    return Math.max(0, micros) * 1000;
  }

  private static Json.Obj memory(CgroupStats.Memory memory) {
    Map<String, Long> stat = memory.stat();
    Json.Obj raw = new Json.Obj();
    for (Map.Entry<String, Long> line : stat.entrySet()) {
      raw.put(line.getKey(), line.getValue());
    }
    Json.Obj all =
        new Json.Obj()
            .put("cache", stat.getOrDefault("cache", stat.getOrDefault("file", 0L)))
            .put(
                "usage",
                entry(memory.usage(), memory.maxUsage(), memory.limit(), memory.maxEvents()))
            .put("swap", entry(memory.swapUsage(), -1, memory.swapLimit(), 0))
            .put("raw", raw);
    return pressure(all, memory.pressure());
  }

  private static Json.Obj entry(long usage, long most, long limit, long failures) {
    Json.Obj entry = new Json.Obj();
    if (limit >= 0) {
      entry.put("limit", limit);
    }
    entry.put("usage", Math.max(0, usage));
    if (most >= 0) {
      entry.put("max", most);
    }
    return entry.put("failcnt", Math.max(0, failures));
  }

  private static Json.Obj blockIo(List<CgroupStats.Io> devices, Optional<Pressure> pressure) {
    List<Json.Obj> bytes = new ArrayList<>();
    List<Json.Obj> operations = new ArrayList<>();
    for (CgroupStats.Io io : devices) {
      bytes.add(line(io, "Read", io.readBytes()));
      bytes.add(line(io, "Write", io.writeBytes()));
      operations.add(line(io, "Read", io.readOperations()));
      operations.add(line(io, "Write", io.writeOperations()));
    }
    Json.Obj blockIo = new Json.Obj();
    if (!bytes.isEmpty()) {
      blockIo.putObjects("ioServiceBytesRecursive", bytes);
      blockIo.putObjects("ioServicedRecursive", operations);
    }
    return pressure(blockIo, pressure);
  }

  /** Percent, as the kernel prints them. */
  private static Json.Obj pressure(Json.Obj of, Optional<Pressure> pressure) {
    if (pressure.isPresent()) {
      Json.Obj psi = new Json.Obj();
      pressure.get().some().ifPresent(some -> psi.put("some", stall(some)));
      pressure.get().full().ifPresent(full -> psi.put("full", stall(full)));
      of.put("psi", psi);
    }
    return of;
  }

  private static Json.Obj stall(Pressure.Stall stall) {
    return new Json.Obj()
        .put("avg10", Json.Num.of(stall.avg10() / 100.0))
        .put("avg60", Json.Num.of(stall.avg60() / 100.0))
        .put("avg300", Json.Num.of(stall.avg300() / 100.0))
        .put("total", stall.totalMicros());
  }

  private static Json.Obj line(CgroupStats.Io io, String operation, long value) {
    return new Json.Obj()
        .put("major", io.major())
        .put("minor", io.minor())
        .put("op", operation)
        .put("value", value);
  }
}
