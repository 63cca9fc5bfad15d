package dev.casemate.agent;

import dev.casemate.oci.Resources;
import dev.casemate.protocol.oci.LinuxBlockIO;
import dev.casemate.protocol.oci.LinuxCPU;
import dev.casemate.protocol.oci.LinuxDeviceCgroup;
import dev.casemate.protocol.oci.LinuxHugepageLimit;
import dev.casemate.protocol.oci.LinuxMemory;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.LinuxThrottleDevice;
import dev.casemate.protocol.oci.LinuxWeightDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The agent protocol's form of a container's limits turned into the engine's: 0 is "not set". */
final class ResourcesMapping {
  private static final LinuxMemory NO_MEMORY = LinuxMemory.builder().build();
  private static final LinuxCPU NO_CPU = LinuxCPU.builder().build();
  private static final LinuxBlockIO NO_BLOCK_IO = LinuxBlockIO.builder().build();

  private ResourcesMapping() {}

  static Resources resources(LinuxResources resources) {
    List<Resources.DeviceRule> devices = new ArrayList<>();
    for (LinuxDeviceCgroup rule : resources.devices()) {
      devices.add(
          new Resources.DeviceRule(
              rule.allow(),
              rule.type(),
              number(rule.major()),
              number(rule.minor()),
              rule.access()));
    }
    List<Resources.HugepageLimit> hugepages = new ArrayList<>();
    for (LinuxHugepageLimit limit : resources.hugepageLimits()) {
      hugepages.add(new Resources.HugepageLimit(limit.pagesize(), limit.limit()));
    }
    return new Resources(
        devices,
        memory(resources.memory().orElse(NO_MEMORY)),
        cpu(resources.cpu().orElse(NO_CPU)),
        resources.pids().flatMap(pids -> set(pids.limit())),
        blockIo(resources.blockIo().orElse(NO_BLOCK_IO)),
        hugepages,
        new Resources.Network(Optional.empty(), Map.of()),
        Map.of(),
        Map.of());
  }

  /** A device number; the protocol writes "any" as −1. */
  private static Optional<Integer> number(long value) {
    return value < 0 ? Optional.empty() : Optional.of((int) value);
  }

  private static Optional<Long> set(long value) {
    return value == 0 ? Optional.empty() : Optional.of(value);
  }

  private static Optional<Integer> set(int value) {
    return value == 0 ? Optional.empty() : Optional.of(value);
  }

  private static Resources.Memory memory(LinuxMemory memory) {
    return new Resources.Memory(
        set(memory.limit()),
        set(memory.reservation()),
        set(memory.swap()),
        set(memory.kernel()),
        set(memory.kernelTcp()),
        set(memory.swappiness()),
        memory.disableOomKiller() ? Optional.of(true) : Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static Resources.Cpu cpu(LinuxCPU cpu) {
    return new Resources.Cpu(
        set(cpu.shares()),
        set(cpu.quota()),
        Optional.empty(),
        set(cpu.period()),
        set(cpu.realtimeRuntime()),
        set(cpu.realtimePeriod()),
        cpu.cpus(),
        cpu.mems(),
        Optional.empty());
  }

  private static Resources.BlockIo blockIo(LinuxBlockIO io) {
    List<Resources.WeightDevice> weights = new ArrayList<>();
    for (LinuxWeightDevice device : io.weightDevice()) {
      weights.add(
          new Resources.WeightDevice(
              (int) device.major(),
              (int) device.minor(),
              set(device.weight()),
              set(device.leafWeight())));
    }
    return new Resources.BlockIo(
        set(io.weight()),
        set(io.leafWeight()),
        weights,
        throttles(io.throttleReadBpsDevice()),
        throttles(io.throttleWriteBpsDevice()),
        throttles(io.throttleReadIopsDevice()),
        throttles(io.throttleWriteIopsDevice()));
  }

  private static List<Resources.ThrottleDevice> throttles(List<LinuxThrottleDevice> devices) {
    List<Resources.ThrottleDevice> throttles = new ArrayList<>();
    for (LinuxThrottleDevice device : devices) {
      throttles.add(
          new Resources.ThrottleDevice((int) device.major(), (int) device.minor(), device.rate()));
    }
    return throttles;
  }
}
