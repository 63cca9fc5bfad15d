package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * The size of a sandbox's VM. {@code docs/sizing.md} documents the rules.
 *
 * @param memoryMib all of it
 * @param vcpus all of them
 */
public record VmSize(int memoryMib, int vcpus) {
  // How small a VM may be. The four below are all; each VM must pass those that are on its way:
  // what a user or a node's configuration may ask for (here), what the VMM takes at all (8 MiB,
  // VmConfig), and what the very kernel and initramfs need (KernelImage.leastMemoryMib), which is
  // less than the first two for our own guest, and may be more for another.

  /**
   * Minimum for {@code casemate run}: with less, none of our kernels boots far enough to run a
   * container; docs/performance.md describes the measurement.
   */
  public static final int LEAST_STANDALONE_MIB = 112;

  /**
   * Least that a node's configuration may name for pods: these may have kernels of their own, which
   * need less.
   */
  public static final int LEAST_CONFIGURED_MIB = 64;

  /** What a guest's kernel and agent take for themselves, and a little for page tables. */
  public static final int OVERHEAD_MIB = 128;

  /** Guests plug memory in and out by blocks of this size. */
  static final int BLOCK_MIB = 128;

  private static final int MOST_VCPUS = 32;
  private static final int LEAST_QUOTA_PERIOD = 1000;
  private static final long MIB = 1024 * 1024;
  private static final int MEMINFO_LIMIT = 16 * 1024;
  private static final String MEMORY = "io.kubernetes.cri.sandbox-memory";
  private static final String CPU_QUOTA = "io.kubernetes.cri.sandbox-cpu-quota";
  private static final String CPU_PERIOD = "io.kubernetes.cri.sandbox-cpu-period";

  /** What a VM is started with. */
  public static VmSize of(VmOptions options) {
    return new VmSize(options.memoryMib(), options.vcpus());
  }

  /**
   * The size at the start: at least the configured one, and room for the sum of the containers'
   * limits where the engine knows it beforehand and says so in the sandbox's annotations
   * (containerd from 1.6 on).
   *
   * @param configured what a sandbox without such annotations gets
   * @param most what the node allows
   * @param annotations of the sandbox's {@code config.json}; what is not a sensible number there is
   *     as if it were not there
   */
  public static VmSize atStart(VmSize configured, VmSize most, Map<String, String> annotations) {
    long memory = number(annotations.get(MEMORY)) / MIB;
    int vcpus = vcpus(number(annotations.get(CPU_QUOTA)), number(annotations.get(CPU_PERIOD)));
    return new VmSize(
        (int)
            Math.min(
                memory == 0
                    ? configured.memoryMib
                    : Math.max(configured.memoryMib, memory + OVERHEAD_MIB),
                Math.max(configured.memoryMib, most.memoryMib)),
        Math.max(configured.vcpus, Math.min(vcpus, most.vcpus)));
  }

  /**
   * What the containers of a sandbox want together: the sum of their limits and what the VM needs
   * itself; if one of them has no limit, the configured size beside that. Never less than at the
   * start.
   *
   * @param resources each container's {@code linux.resources}
   */
  static VmSize wanted(
      VmSize configured, VmSize atStart, VmSize most, Collection<Json.Obj> resources) {
    long memory = OVERHEAD_MIB;
    long milliCpus = 0;
    boolean unlimited = false;
    for (Json.Obj container : resources) {
      long limit = container.object("memory").map(m -> m.integer("limit", 0)).orElse(0L);
      unlimited |= limit <= 0;
      memory += Math.clamp(limit / MIB, 0, most.memoryMib);
      for (Json.Obj pages : container.objects("hugepageLimits")) {
        memory += Math.clamp(pages.integer("limit", 0) / MIB, 0, most.memoryMib);
      }
      milliCpus += milliCpus(container);
    }
    memory += unlimited ? configured.memoryMib : 0;
    return new VmSize(
        Math.clamp(memory, atStart.memoryMib, most.memoryMib),
        Math.clamp((milliCpus + 999) / 1000, atStart.vcpus, most.vcpus));
  }

  private static long milliCpus(Json.Obj container) {
    Json.Obj cpu = container.object("cpu").orElse(new Json.Obj());
    long quota = cpu.integer("quota", 0);
    long period = cpu.integer("period", 0);
    return quota <= 0 || period < LEAST_QUOTA_PERIOD
        ? 0
        : Math.min(quota, Long.MAX_VALUE / 1000) * 1000 / period;
  }

  private static int vcpus(long quota, long period) {
    return quota <= 0 || period < LEAST_QUOTA_PERIOD
        ? 0
        : (int) Math.min((quota - 1) / period + 1, MOST_VCPUS);
  }

  /** The machine's own memory and processors, at most 32 of these. */
  public static VmSize ofHost() {
    return new VmSize(
        hostMemoryMib(), Math.min(MOST_VCPUS, Runtime.getRuntime().availableProcessors()));
  }

  VmSize atLeast(VmSize other) {
    return new VmSize(Math.max(memoryMib, other.memoryMib), Math.max(vcpus, other.vcpus));
  }

  /** How far a VM that starts with this size can grow if it may not exceed {@code most}. */
  VmSize growingTo(VmSize most) {
    int extra = Math.max(0, most.memoryMib - memoryMib) / BLOCK_MIB * BLOCK_MIB;
    return new VmSize(memoryMib + extra, Math.max(vcpus, most.vcpus));
  }

  private static int hostMemoryMib() {
    try {
      List<String> words =
          Text.split(
              Text.split(FileContent.readString("/proc/meminfo", MEMINFO_LIMIT), '\n').getFirst(),
              ' ');
      return (int) Math.min(number(words.get(1)) / 1024, 1 << 22);
    } catch (LinuxException e) {
      return 0;
    }
  }

  /** A number above 0, or 0. */
  private static long number(@org.jspecify.annotations.Nullable String text) {
    if (text == null || text.isEmpty() || text.length() > 18) {
      return 0;
    }
    long value = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        return 0;
      }
      value = value * 10 + (c - '0');
    }
    return value;
  }

  boolean isSameAs(VmSize other) {
    return memoryMib == other.memoryMib && vcpus == other.vcpus;
  }
}
