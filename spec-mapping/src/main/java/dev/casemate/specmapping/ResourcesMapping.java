package dev.casemate.specmapping;

import dev.casemate.oci.Resources;
import dev.casemate.protocol.oci.LinuxBlockIO;
import dev.casemate.protocol.oci.LinuxCPU;
import dev.casemate.protocol.oci.LinuxDeviceCgroup;
import dev.casemate.protocol.oci.LinuxHugepageLimit;
import dev.casemate.protocol.oci.LinuxInterfacePriority;
import dev.casemate.protocol.oci.LinuxMemory;
import dev.casemate.protocol.oci.LinuxNetwork;
import dev.casemate.protocol.oci.LinuxPids;
import dev.casemate.protocol.oci.LinuxResources;
import dev.casemate.protocol.oci.LinuxThrottleDevice;
import dev.casemate.protocol.oci.LinuxWeightDevice;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A container's limits as a message and back: in a message 0 is "not set", −1 any device. */
final class ResourcesMapping {
  private static final LinuxMemory NO_MEMORY = LinuxMemory.builder().build();
  private static final LinuxCPU NO_CPU = LinuxCPU.builder().build();
  private static final LinuxBlockIO NO_BLOCK_IO = LinuxBlockIO.builder().build();

  private ResourcesMapping() {}

  static Resources fromMessage(LinuxResources resources) {
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
        network(resources.network()),
        Map.of(),
        Map.of());
  }

  static LinuxResources toMessage(Resources resources) {
    List<LinuxDeviceCgroup> devices = new ArrayList<>();
    for (Resources.DeviceRule rule : resources.devices()) {
      devices.add(
          LinuxDeviceCgroup.builder()
              .allow(rule.allow())
              .type(rule.type())
              .major(rule.major().orElse(-1))
              .minor(rule.minor().orElse(-1))
              .access(rule.access())
              .build());
    }
    List<LinuxHugepageLimit> hugepages = new ArrayList<>();
    for (Resources.HugepageLimit limit : resources.hugepageLimits()) {
      hugepages.add(
          LinuxHugepageLimit.builder().pagesize(limit.pageSize()).limit(limit.limit()).build());
    }
    LinuxResources.Builder message =
        LinuxResources.builder().devices(devices).hugepageLimits(hugepages);
    if (!resources.memory().isEmpty()) {
      message.memory(memory(resources.memory()));
    }
    if (!resources.cpu().isEmpty()) {
      message.cpu(cpu(resources.cpu()));
    }
    if (resources.pidsLimit().isPresent()) {
      message.pids(LinuxPids.builder().limit(resources.pidsLimit().get()).build());
    }
    if (!resources.blockIo().isEmpty()) {
      message.blockIo(blockIo(resources.blockIo()));
    }
    if (!resources.network().isEmpty()) {
      message.network(network(resources.network()));
    }
    return message.build();
  }

  private static LinuxMemory memory(Resources.Memory memory) {
    return LinuxMemory.builder()
        .limit(memory.limit().orElse(0L))
        .reservation(memory.reservation().orElse(0L))
        .swap(memory.swap().orElse(0L))
        .kernel(memory.kernel().orElse(0L))
        .kernelTcp(memory.kernelTcp().orElse(0L))
        .swappiness(memory.swappiness().orElse(0L))
        .disableOomKiller(memory.disableOomKiller().orElse(false))
        .build();
  }

  private static LinuxCPU cpu(Resources.Cpu cpu) {
    return LinuxCPU.builder()
        .shares(cpu.shares().orElse(0L))
        .quota(cpu.quota().orElse(0L))
        .period(cpu.period().orElse(0L))
        .realtimeRuntime(cpu.realtimeRuntime().orElse(0L))
        .realtimePeriod(cpu.realtimePeriod().orElse(0L))
        .cpus(cpu.cpus())
        .mems(cpu.mems())
        .build();
  }

  private static LinuxBlockIO blockIo(Resources.BlockIo io) {
    List<LinuxWeightDevice> weights = new ArrayList<>();
    for (Resources.WeightDevice device : io.weightDevices()) {
      weights.add(
          LinuxWeightDevice.builder()
              .major(device.major())
              .minor(device.minor())
              .weight(device.weight().orElse(0))
              .leafWeight(device.leafWeight().orElse(0))
              .build());
    }
    return LinuxBlockIO.builder()
        .weight(io.weight().orElse(0))
        .leafWeight(io.leafWeight().orElse(0))
        .weightDevice(weights)
        .throttleReadBpsDevice(rates(io.readBps()))
        .throttleWriteBpsDevice(rates(io.writeBps()))
        .throttleReadIopsDevice(rates(io.readIops()))
        .throttleWriteIopsDevice(rates(io.writeIops()))
        .build();
  }

  private static List<LinuxThrottleDevice> rates(List<Resources.ThrottleDevice> devices) {
    List<LinuxThrottleDevice> rates = new ArrayList<>();
    for (Resources.ThrottleDevice device : devices) {
      rates.add(
          LinuxThrottleDevice.builder()
              .major(device.major())
              .minor(device.minor())
              .rate(device.rate())
              .build());
    }
    return rates;
  }

  private static LinuxNetwork network(Resources.Network network) {
    List<LinuxInterfacePriority> priorities = new ArrayList<>();
    for (Map.Entry<String, Long> entry : network.priorities().entrySet()) {
      priorities.add(
          LinuxInterfacePriority.builder()
              .name(entry.getKey())
              .priority((int) (long) entry.getValue())
              .build());
    }
    return LinuxNetwork.builder()
        .classId(network.classId().orElse(0))
        .priorities(priorities)
        .build();
  }

  private static Resources.Network network(Optional<LinuxNetwork> network) {
    if (network.isEmpty()) {
      return Resources.NONE.network();
    }
    Map<String, Long> priorities = new LinkedHashMap<>();
    for (LinuxInterfacePriority entry : network.get().priorities()) {
      priorities.put(entry.name(), entry.priority() & 0xffffffffL);
    }
    return new Resources.Network(set(network.get().classId()), priorities);
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
