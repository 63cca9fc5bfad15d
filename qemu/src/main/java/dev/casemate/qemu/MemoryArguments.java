package dev.casemate.qemu;

import dev.casemate.hypervisor.VmConfig;
import java.util.Optional;

/** Memory: private and anonymous, unless {@link MemoryFiles} or another process need a file. */
final class MemoryArguments {
  private MemoryArguments() {}

  static void add(CommandLine line, VmConfig config, Optional<MemoryFiles> files) {
    String size = config.memoryMib() + "M";
    int growth = config.maxMemoryMib() - config.memoryMib();
    line.add("-m", growth == 0 ? size : size + ",maxmem=" + config.maxMemoryMib() + "M");
    if (isObject(config, files)) {
      line.add(
          "-object",
          files
                  .map(f -> f.backend(MemoryFiles.START))
                  .orElse("memory-backend-memfd,share=on,id=" + MemoryFiles.START)
              + ",size="
              + size);
    }
    if (growth > 0) {
      // Nothing of it is taken from the host before the guest plugs it in.
      line.add("-object", growth(config, files) + ",reserve=off,size=" + growth + "M");
      line.add(
          "-device",
          "virtio-mem-pci,id="
              + Resizing.MEMORY
              + ",memdev="
              + Resizing.BACKEND
              + ",requested-size=0"
              + PciLayout.place(config, PciLayout.GROWTH));
    }
    // Pages that the guest frees go back to the host, once the guest has loaded the driver.
    line.add(
        "-device",
        "virtio-balloon-pci,disable-legacy=on,free-page-reporting=on,id=reporting"
            + PciLayout.place(config, PciLayout.REPORTING));
  }

  /** Whether the memory of the start is an object of QEMU's that the machine names. */
  static boolean isObject(VmConfig config, Optional<MemoryFiles> files) {
    return config.sharedMemory() || files.isPresent();
  }

  private static String growth(VmConfig config, Optional<MemoryFiles> files) {
    if (!config.sharedMemory()) {
      return "memory-backend-ram,id=" + Resizing.BACKEND;
    }
    return files
        .filter(MemoryFiles::holdsGrowth)
        .map(f -> f.backend(Resizing.BACKEND))
        .orElse("memory-backend-memfd,share=on,id=" + Resizing.BACKEND);
  }
}
