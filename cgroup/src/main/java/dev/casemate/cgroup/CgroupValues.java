package dev.casemate.cgroup;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Text;
import dev.casemate.oci.Resources;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the runtime-spec's resources, which are those of cgroup v1, are in the files of cgroup v2
 * (Documentation/admin-guide/cgroup-v2.rst). The conversions are runc's and crun's.
 */
final class CgroupValues {
  /** The kernel's default and least period, in microseconds. */
  private static final long DEFAULT_PERIOD = 100_000;

  /** What failed where a group cannot be made; runc's words, and what it is about. */
  static final String CREATING = "unable to apply cgroup configuration: creating cgroup ";

  private CgroupValues() {}

  /** A file of the group and what is written to it, in the order of writing. */
  record Setting(String file, String value) {}

  /** {@code cpu.weight} 1 to 10000 of shares 2 to 262144. */
  static long cpuWeight(long shares) {
    long bounded = Math.min(Math.max(shares, 2), 262144);
    return 1 + (bounded - 2) * 9999 / 262142;
  }

  /** {@code io.weight} 1 to 10000 of 10 to 1000. */
  static long ioWeight(int weight) {
    long bounded = Math.min(Math.max(weight, 10), 1000);
    return 1 + (bounded - 10) * 9999 / 990;
  }

  /** {@code max} for what is not limited. */
  static String limit(long bytes) {
    return bytes < 0 ? "max" : Long.toString(bytes);
  }

  /** {@code pids.max}; 0 is 1, as runc has it since 1.4: the first process is there already. */
  static String pids(long most) {
    return most == 0 ? "1" : limit(most);
  }

  /**
   * {@code memory.swap.max} of the sum of memory and swap that version 1 limits.
   *
   * @return empty if it stays as it is
   */
  static Optional<String> swap(long memoryAndSwap, long memory) {
    if (memoryAndSwap == 0) {
      return Optional.empty();
    }
    if (memoryAndSwap < 0) {
      return Optional.of("max");
    }
    if (memory <= 0) {
      throw Failures.invalid(
          "memory.swap "
              + memoryAndSwap
              + " limits memory plus swap and requires memory.limit; set both");
    }
    if (memoryAndSwap < memory) {
      throw Failures.invalid(
          "memory.swap "
              + memoryAndSwap
              + " limits memory plus swap and must be at least memory.limit "
              + memory);
    }
    return Optional.of(Long.toString(memoryAndSwap - memory));
  }

  /** {@code cpu.max} of a quota and a period, in microseconds; −1 and 0 are no quota. */
  static String cpuMax(Optional<Long> quota, Optional<Long> period) {
    long q = quota.orElse(-1L);
    long p = period.orElse(0L);
    return (q > 0 ? Long.toString(q) : "max") + " " + (p > 0 ? p : DEFAULT_PERIOD);
  }

  /** What has to be written for the resources. */
  static List<Setting> settings(Resources resources) {
    List<Setting> settings = new ArrayList<>();
    memory(resources.memory(), settings);
    cpu(resources.cpu(), settings);
    if (resources.pidsLimit().isPresent()) {
      settings.add(new Setting("pids.max", pids(resources.pidsLimit().get())));
    }
    blockIo(resources.blockIo(), settings);
    for (Resources.HugepageLimit huge : resources.hugepageLimits()) {
      String size = name("hugepageLimits.pageSize", huge.pageSize());
      String value = Long.toUnsignedString(huge.limit());
      settings.add(new Setting("hugetlb." + size + ".max", value));
      settings.add(new Setting("hugetlb." + size + ".rsvd.max", value));
    }
    settings.addAll(rdma(resources));
    for (Map.Entry<String, String> file : resources.unified().entrySet()) {
      String name = name("unified", file.getKey());
      if (name.startsWith("cgroup.") && !name.startsWith("cgroup.max.")) {
        throw Failures.invalid(
            "resources.unified: \"" + name + "\" is reserved for the runtime; remove it");
      }
      for (String line : Text.split(file.getValue(), '\n')) {
        settings.add(new Setting(name, line));
      }
    }
    return settings;
  }

  static List<Setting> rdma(Resources resources) {
    List<Setting> settings = new ArrayList<>();
    for (Map.Entry<String, Resources.Rdma> card : resources.rdma().entrySet()) {
      String value = name("rdma", card.getKey());
      if (card.getValue().hcaHandles().isPresent()) {
        value += " hca_handle=" + Integer.toUnsignedString(card.getValue().hcaHandles().get());
      }
      if (card.getValue().hcaObjects().isPresent()) {
        value += " hca_object=" + Integer.toUnsignedString(card.getValue().hcaObjects().get());
      }
      settings.add(new Setting("rdma.max", value));
    }
    return settings;
  }

  static CasemateException belowUsage(long limit, long usage) {
    return belowUsage("memory limit", limit, usage);
  }

  /** With runc's words. */
  static CasemateException belowUsage(String what, long limit, long usage) {
    return Failures.precondition(
        "rejecting " + what + " " + limit + ": " + usage + " bytes are in use; free memory first");
  }

  /** Killing and removing the group would end processes that are not the container's. */
  static CasemateException inUse(String directory) {
    return Failures.precondition(
        "container's cgroup is not empty: there are processes in "
            + directory
            + "; use another cgroupsPath or end them");
  }

  /** A process in a frozen group stops at once, and its caller would wait for ever. */
  static CasemateException frozen(String directory) {
    return Failures.precondition(
        "container's cgroup unexpectedly frozen: "
            + directory
            + "; thaw it or the one above it, or use another cgroupsPath");
  }

  static String name(String field, String value) {
    if (value.isEmpty() || value.indexOf('/') >= 0 || value.indexOf('\n') >= 0) {
      throw Failures.invalid(
          "resources." + field + ": \"" + value + "\" is not a valid name; correct it");
    }
    return value;
  }

  private static void memory(Resources.Memory memory, List<Setting> settings) {
    long limit = memory.limit().orElse(0L);
    Optional<String> swap =
        memory.swap().isPresent() ? swap(memory.swap().get(), limit) : Optional.empty();
    if (limit == -1 && memory.swap().isEmpty()) {
      swap = Optional.of("max");
    }
    if (swap.isPresent()) {
      settings.add(new Setting("memory.swap.max", swap.get()));
    }
    if (limit != 0) {
      settings.add(new Setting("memory.max", limit(limit)));
    }
    if (memory.reservation().isPresent() && memory.reservation().get() != 0) {
      settings.add(new Setting("memory.low", limit(memory.reservation().get())));
    }
  }

  private static void cpu(Resources.Cpu cpu, List<Setting> settings) {
    if (cpu.idle().isPresent()) {
      settings.add(new Setting("cpu.idle", Long.toString(cpu.idle().get())));
    }
    if (cpu.shares().isPresent() && cpu.shares().get() != 0 && cpu.idle().orElse(0L) != 1) {
      settings.add(new Setting("cpu.weight", Long.toString(cpuWeight(cpu.shares().get()))));
    }
    if (cpu.quota().isPresent() || cpu.period().isPresent()) {
      settings.add(new Setting("cpu.max", cpuMax(cpu.quota(), cpu.period())));
    }
    if (cpu.burst().isPresent()) {
      settings.add(new Setting("cpu.max.burst", Long.toUnsignedString(cpu.burst().get())));
    }
    if (!cpu.cpus().isEmpty()) {
      settings.add(new Setting("cpuset.cpus", cpu.cpus()));
    }
    if (!cpu.mems().isEmpty()) {
      settings.add(new Setting("cpuset.mems", cpu.mems()));
    }
  }

  private static void blockIo(Resources.BlockIo io, List<Setting> settings) {
    if (io.weight().isPresent() && io.weight().get() != 0) {
      settings.add(new Setting("io.weight", "default " + ioWeight(io.weight().get())));
    }
    for (Resources.WeightDevice device : io.weightDevices()) {
      if (device.weight().isPresent() && device.weight().get() != 0) {
        settings.add(
            new Setting(
                "io.weight",
                device.major() + ":" + device.minor() + " " + ioWeight(device.weight().get())));
      }
    }
    Map<String, List<Resources.ThrottleDevice>> kinds = new LinkedHashMap<>();
    kinds.put("rbps", io.readBps());
    kinds.put("wbps", io.writeBps());
    kinds.put("riops", io.readIops());
    kinds.put("wiops", io.writeIops());
    for (Map.Entry<String, List<Resources.ThrottleDevice>> kind : kinds.entrySet()) {
      for (Resources.ThrottleDevice device : kind.getValue()) {
        String rate = device.rate() == 0 ? "max" : Long.toUnsignedString(device.rate());
        settings.add(
            new Setting(
                "io.max",
                device.major() + ":" + device.minor() + " " + kind.getKey() + "=" + rate));
      }
    }
  }
}
