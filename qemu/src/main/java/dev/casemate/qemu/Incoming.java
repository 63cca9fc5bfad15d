package dev.casemate.qemu;

import dev.casemate.hypervisor.VmConfig;

/** What a QEMU takes in instead of booting. */
interface Incoming {
  /** Adds what makes it wait for that. */
  void add(String vmId, CommandLine line);

  /** Where everything sits in its VM. */
  PciLayout layout(VmConfig config);

  /** Whether memory comes as a file, apart from the state. */
  default boolean bringsMemory() {
    return false;
  }
}
