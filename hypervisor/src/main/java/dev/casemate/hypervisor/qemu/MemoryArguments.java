package dev.casemate.hypervisor.qemu;

import dev.casemate.hypervisor.VmConfig;

/** Memory: private and anonymous, unless another process has to map it. */
final class MemoryArguments {
  private static final int DIMM_SLOTS = 8;

  private MemoryArguments() {}

  static void add(CommandLine line, VmConfig config) {
    String size = config.memoryMib() + "M";
    line.add(
        "-m",
        config.maxMemoryMib() == config.memoryMib()
            ? size
            : size + ",slots=" + DIMM_SLOTS + ",maxmem=" + config.maxMemoryMib() + "M");
    if (config.sharedMemory()) {
      line.add("-object", "memory-backend-memfd,id=memory,share=on,size=" + size);
    }
  }
}
