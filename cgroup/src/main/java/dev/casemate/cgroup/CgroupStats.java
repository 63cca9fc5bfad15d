package dev.casemate.cgroup;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The resource usage of a control group. Sizes are in bytes; −1 means "no limit" or "not measured".
 */
public record CgroupStats(
    Cpu cpu,
    Memory memory,
    Pids pids,
    List<Io> io,
    Optional<Pressure> ioPressure,
    List<Hugepages> hugepages) {
  /** Times in microseconds; pressures are those of version 2. */
  public record Cpu(
      long totalMicros,
      long userMicros,
      long systemMicros,
      long periods,
      long throttledPeriods,
      long throttledMicros,
      long bursts,
      long burstMicros,
      Optional<Pressure> pressure) {}

  /**
   * Memory.
   *
   * @param stat the lines of {@code memory.stat}
   * @param maxEvents how often the limit was hit
   * @param oomEvents how often the group ran out of memory
   * @param oomKills processes that the kernel has killed for it
   */
  public record Memory(
      long usage,
      long maxUsage,
      long limit,
      long swapUsage,
      long swapLimit,
      long maxEvents,
      long oomEvents,
      long oomKills,
      Map<String, Long> stat,
      Optional<Pressure> pressure) {}

  public record Pids(long current, long limit) {}

  /** A block device's counters. */
  public record Io(
      int major,
      int minor,
      long readBytes,
      long writeBytes,
      long readOperations,
      long writeOperations,
      long discardBytes,
      long discardOperations) {}

  /** Huge pages of a size such as {@code 2MB}. */
  public record Hugepages(String pageSize, long usage, long limit, long failures) {}
}
