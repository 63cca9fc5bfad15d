package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Resources;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes the runtime-spec's resources to the files of version 1, whose units they have. */
final class CgroupV1Limits {
  private static final long MIN_SHARES = 2;
  private static final long MAX_SHARES = 262144;

  private final CgroupV1 group;
  private final List<String> warnings;

  CgroupV1Limits(CgroupV1 group, List<String> warnings) {
    this.group = group;
    this.warnings = warnings;
  }

  void apply(Resources resources) {
    memory(resources.memory());
    cpu(resources.cpu());
    if (resources.pidsLimit().isPresent()) {
      write("pids", "pids.max", CgroupValues.pids(resources.pidsLimit().get()));
    }
    blockIo(resources.blockIo());
    if (resources.network().classId().orElse(0) != 0) {
      write(
          "net_cls",
          "net_cls.classid",
          Integer.toUnsignedString(resources.network().classId().get()));
    }
    for (Map.Entry<String, Long> priority : resources.network().priorities().entrySet()) {
      String name = CgroupValues.name("network.priorities", priority.getKey());
      write("net_prio", "net_prio.ifpriomap", name + " " + priority.getValue());
    }
    for (CgroupValues.Setting setting : CgroupValues.rdma(resources)) {
      write("rdma", setting.file(), setting.value());
    }
  }

  private String directory(String controller, String file, String value) {
    return group
        .directory(controller)
        .orElseThrow(
            () ->
                Failures.precondition(
                    "cannot set "
                        + controller
                        + " limit: container could not join or create cgroup: "
                        + file
                        + " = "
                        + value
                        + " needs the controller \""
                        + controller
                        + "\", which is not mounted or not delegated; mount it at "
                        + Cgroups.MOUNT_POINT
                        + "/"
                        + controller));
  }

  private void write(String controller, String file, String value) {
    try {
      FileContent.writeControl(directory(controller, file, value) + "/" + file, value);
    } catch (LinuxException e) {
      throw failed(file, value, e);
    }
  }

  private static RuntimeException failed(String file, String value, LinuxException e) {
    return Failures.of("cgroup limit " + file + " = " + value, e);
  }

  /** Writes to a file that not every kernel has. */
  private boolean writeIfThere(String controller, String file, String value) {
    try {
      FileContent.writeControl(directory(controller, file, value) + "/" + file, value);
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.EOPNOTSUPP) {
        return false;
      }
      throw failed(file, value, e);
    }
  }

  private void memory(Resources.Memory memory) {
    long limit = memory.limit().orElse(0L);
    long swap = memory.swap().orElse(0L);
    if (limit == -1 && swap == 0) {
      swap = -1;
    }
    if (swap > 0 && limit > 0 && swap < limit) {
      throw Failures.invalid(
          "memory.swap "
              + swap
              + " limits memory plus swap and must be at least memory.limit "
              + limit);
    }
    if (memory.checkBeforeUpdate().orElse(false)) {
      checkUsage("memory+swap limit", swap, "memory.memsw.usage_in_bytes");
      checkUsage("memory limit", limit, "memory.usage_in_bytes");
    }
    // The sum may never be below its part: what is raised is raised from above, what is lowered
    // from below.
    boolean sumFirst = swap == -1 || (swap > 0 && raises(swap));
    if (swap != 0 && sumFirst) {
      swap(swap);
    }
    if (limit != 0) {
      limit(limit);
    }
    if (swap != 0 && !sumFirst) {
      swap(swap);
    }
    if (memory.reservation().orElse(0L) != 0) {
      String value = Long.toString(memory.reservation().get());
      if (!writeIfThere("memory", "memory.soft_limit_in_bytes", value)) {
        warnings.add("memory.reservation is not set: the kernel does not support it");
      }
    }
    if (memory.kernel().orElse(0L) != 0) {
      warnings.add("memory.kernel is not set: current kernels no longer support it");
    }
    if (memory.kernelTcp().orElse(0L) != 0
        && !writeIfThere(
            "memory", "memory.kmem.tcp.limit_in_bytes", Long.toString(memory.kernelTcp().get()))) {
      warnings.add("memory.kernelTCP is not set: the kernel does not support it");
    }
    if (memory.disableOomKiller().orElse(false)) {
      write("memory", "memory.oom_control", "1");
    }
    long swappiness = memory.swappiness().orElse(-1L);
    if (swappiness != -1) {
      if (swappiness < 0 || swappiness > 100) {
        throw Failures.invalid(
            "memory.swappiness "
                + Long.toUnsignedString(swappiness)
                + " is not valid; use 0 to 100, or omit it");
      }
      write("memory", "memory.swappiness", Long.toString(swappiness));
    }
  }

  /** Refuses a limit that the kernel would keep by killing, or by swapping; 0 and −1 are none. */
  private void checkUsage(String what, long limit, String file) {
    if (limit <= 0) {
      return;
    }
    String directory = directory("memory", file, Long.toString(limit));
    long usage = CgroupFiles.number(directory + "/" + file, -1);
    if (usage > limit) {
      throw CgroupValues.belowUsage(what, limit, usage);
    }
  }

  private boolean raises(long swap) {
    Optional<String> directory = group.directory("memory");
    return directory.isPresent()
        && CgroupFiles.number(directory.get() + "/memory.memsw.limit_in_bytes", 0) < swap;
  }

  private void limit(long limit) {
    String value = Long.toString(limit);
    String directory = directory("memory", "memory.limit_in_bytes", value);
    try {
      FileContent.writeControl(directory + "/memory.limit_in_bytes", value);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EBUSY) {
        throw CgroupValues.belowUsage(
            limit, CgroupFiles.number(directory + "/memory.usage_in_bytes", -1));
      }
      throw failed("memory.limit_in_bytes", value, e);
    }
  }

  private void swap(long swap) {
    if (!writeIfThere("memory", "memory.memsw.limit_in_bytes", Long.toString(swap)) && swap > 0) {
      warnings.add("memory.swap is not set: the kernel does not account for swap");
    }
  }

  /** The kernel takes other numbers and uses the nearest of these. */
  private void shares(long shares) {
    if (Long.compareUnsigned(shares, MIN_SHARES) < 0) {
      throw Failures.invalid(
          "the minimum allowed cpu-shares is " + MIN_SHARES + ", not " + shares + "; raise it");
    }
    if (Long.compareUnsigned(shares, MAX_SHARES) > 0) {
      throw Failures.invalid(
          "the maximum allowed cpu-shares is "
              + MAX_SHARES
              + ", not "
              + Long.toUnsignedString(shares)
              + "; lower it");
    }
    write("cpu", "cpu.shares", Long.toString(shares));
  }

  private void cpu(Resources.Cpu cpu) {
    if (cpu.idle().isPresent()
        && !writeIfThere("cpu", "cpu.idle", Long.toString(cpu.idle().get()))) {
      warnings.add("cpu.idle is not set: the kernel does not support it");
    }
    if (cpu.shares().orElse(0L) != 0 && cpu.idle().orElse(0L) != 1) {
      shares(cpu.shares().get());
    }
    pair(
        "cpu.rt_period_us",
        cpu.realtimePeriod().orElse(0L),
        "cpu.rt_runtime_us",
        cpu.realtimeRuntime().orElse(0L));
    quota(cpu);
    if (!cpu.cpus().isEmpty()) {
      write("cpuset", "cpuset.cpus", cpu.cpus());
    }
    if (!cpu.mems().isEmpty()) {
      write("cpuset", "cpuset.mems", cpu.mems());
    }
  }

  /**
   * Writes a period and the time in it; 0 stays as it is. The kernel refuses a period that is
   * shorter than the present time in it, and a time that is longer than the present period: of the
   * two orders one is right.
   */
  private void pair(String periodFile, long period, String timeFile, long time) {
    boolean late = false;
    if (period != 0) {
      String value = Long.toUnsignedString(period);
      try {
        FileContent.writeControl(directory("cpu", periodFile, value) + "/" + periodFile, value);
      } catch (LinuxException e) {
        late = e.errno() == Errno.EINVAL && time != 0;
        if (!late) {
          throw failed(periodFile, value, e);
        }
      }
    }
    if (time != 0) {
      write("cpu", timeFile, Long.toString(time));
    }
    if (late) {
      write("cpu", periodFile, Long.toUnsignedString(period));
    }
  }

  private void quota(Resources.Cpu cpu) {
    long burst = cpu.burst().orElse(-1L);
    // The kernel refuses a quota that is below the present burst.
    boolean burstFirst = burst == 0 && writeIfThere("cpu", "cpu.cfs_burst_us", "0");
    pair("cpu.cfs_period_us", cpu.period().orElse(0L), "cpu.cfs_quota_us", cpu.quota().orElse(0L));
    if (burst >= 0
        && !burstFirst
        && !writeIfThere("cpu", "cpu.cfs_burst_us", Long.toString(burst))) {
      warnings.add("cpu.burst is not set: the kernel does not support it");
    }
  }

  private void blockIo(Resources.BlockIo io) {
    if (io.weight().orElse(0) != 0) {
      weight("weight", Integer.toString(io.weight().get()), "I/O scheduler with weights");
    }
    if (io.leafWeight().orElse(0) != 0) {
      weight("leaf_weight", Integer.toString(io.leafWeight().get()), "leaf weights");
    }
    for (Resources.WeightDevice device : io.weightDevices()) {
      String name = device.major() + ":" + device.minor() + " ";
      if (device.weight().orElse(0) != 0) {
        weight("weight_device", name + device.weight().get(), "I/O scheduler with weights");
      }
      if (device.leafWeight().orElse(0) != 0) {
        weight("leaf_weight_device", name + device.leafWeight().get(), "leaf weights");
      }
    }
    throttle("read_bps_device", io.readBps());
    throttle("write_bps_device", io.writeBps());
    throttle("read_iops_device", io.readIops());
    throttle("write_iops_device", io.writeIops());
  }

  private void weight(String file, String value, String what) {
    if (!writeIfThere("blkio", "blkio." + file, value)
        && !writeIfThere("blkio", "blkio.bfq." + file, value)) {
      warnings.add("blockIO " + file + " is not set: the kernel has no " + what);
    }
  }

  private void throttle(String file, List<Resources.ThrottleDevice> devices) {
    for (Resources.ThrottleDevice device : devices) {
      write(
          "blkio",
          "blkio.throttle." + file,
          device.major() + ":" + device.minor() + " " + Long.toUnsignedString(device.rate()));
    }
  }
}
