package dev.casemate.qemu;

import dev.casemate.hypervisor.VmConfig;

/** A QEMU that goes on from a template; {@link QemuVm#takeIn} gives it memory and state. */
final class IncomingTemplate implements Incoming {
  @Override
  public void add(String vmId, CommandLine line) {
    line.add("-incoming", "defer");
  }

  @Override
  public PciLayout layout(VmConfig config) {
    return PciLayout.of(config);
  }

  @Override
  public boolean bringsMemory() {
    return true;
  }
}
