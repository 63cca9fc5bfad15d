package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;

/**
 * Memory: private and anonymous, unless another process has to map it.
 *
 * <p>Under KVM a page that the host has not mapped yet costs an exit. Anonymous memory comes in
 * large pages; shared memory only from a file system that makes its files of them, aligned to one,
 * which a memfd of QEMU's is not. With a memfd a start takes 36,000 of these exits, with this some
 * hundred. Emulation gains nothing by it, and clearing large pages takes time.
 */
final class MemoryArguments {
  private MemoryArguments() {}

  /** Whether memory lies in {@link QemuJail#MEMORY}. */
  static boolean large(VmConfig config, Accelerator accelerator) {
    return config.sharedMemory()
        && config.jail().isPresent()
        && accelerator.kind() == Accelerator.Kind.KVM;
  }

  /** The part of a back end that is shared; its size and name follow. */
  private static String shared(VmConfig config, Accelerator accelerator, String id) {
    return large(config, accelerator)
        ? "memory-backend-file,mem-path="
            + QemuJail.MEMORY
            + "/"
            + id
            + ",align=2M,share=on,id="
            + id
        : "memory-backend-memfd,share=on,id=" + id;
  }

  static void add(CommandLine line, VmConfig config, Accelerator accelerator) {
    String size = config.memoryMib() + "M";
    int growth = config.maxMemoryMib() - config.memoryMib();
    line.add("-m", growth == 0 ? size : size + ",maxmem=" + config.maxMemoryMib() + "M");
    if (config.sharedMemory()) {
      line.add("-object", shared(config, accelerator, "memory") + ",size=" + size);
    }
    if (growth > 0) {
      // Nothing of it is taken from the host before the guest plugs it in.
      line.add(
          "-object",
          (config.sharedMemory()
                  ? shared(config, accelerator, Resizing.BACKEND)
                  : "memory-backend-ram,id=" + Resizing.BACKEND)
              + ",reserve=off,size="
              + growth
              + "M");
      line.add(
          "-device",
          "virtio-mem-pci,id="
              + Resizing.MEMORY
              + ",memdev="
              + Resizing.BACKEND
              + ",requested-size=0"
              + PciLayout.place(config, PciLayout.GROWTH));
    }
  }
}
