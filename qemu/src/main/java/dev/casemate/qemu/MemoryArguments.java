package dev.casemate.qemu;

import dev.casemate.hypervisor.VmConfig;

/** Memory: private and anonymous, unless another process has to map it. */
final class MemoryArguments {
  private MemoryArguments() {}

  static void add(CommandLine line, VmConfig config) {
    String size = config.memoryMib() + "M";
    int growth = config.maxMemoryMib() - config.memoryMib();
    line.add("-m", growth == 0 ? size : size + ",maxmem=" + config.maxMemoryMib() + "M");
    if (config.sharedMemory()) {
      line.add("-object", "memory-backend-memfd,id=memory,share=on,size=" + size);
    }
    if (growth > 0) {
      // Nothing of it is taken from the host before the guest plugs it in.
      line.add(
          "-object",
          (config.sharedMemory() ? "memory-backend-memfd,share=on,id=" : "memory-backend-ram,id=")
              + Resizing.BACKEND
              + ",reserve=off,size="
              + growth
              + "M");
      line.add(
          "-device",
          "virtio-mem-pci,id="
              + Resizing.MEMORY
              + ",memdev="
              + Resizing.BACKEND
              + ",requested-size=0,bus=pcie.0,addr=0x"
              + Integer.toHexString(Resizing.SLOT));
    }
  }
}
