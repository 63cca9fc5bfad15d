package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import java.util.Optional;

/** Machine, accelerator, processors, firmware. */
final class MachineArguments {
  private MachineArguments() {}

  static void add(
      CommandLine line,
      VmConfig config,
      Accelerator accelerator,
      String firmware,
      Optional<MemoryFiles> files) {
    String memory =
        MemoryArguments.isObject(config, files) ? ",memory-backend=" + MemoryFiles.START : "";
    String common = ",usb=off,graphics=off,dump-guest-core=off,mem-merge=off" + memory;
    // Under KVM the guest's clocks are the host's. So there is no HPET, which the kernel would
    // measure first, and no keyboard controller, which it would wait for. Emulation needs the HPET.
    String less = accelerator.kind() == Accelerator.Kind.KVM ? ",hpet=off,i8042=off" : "";
    line.add("-machine", PciLayout.machine(config) + ",vmport=off,smbus=off" + less + common);
    switch (accelerator.kind()) {
      case KVM -> line.add("-accel", "kvm", "-cpu", "host");
      // Without ERMS: for kernels it means that "rep movsb" is fast; here every byte is a round.
      case TCG -> line.add("-accel", "tcg", "-cpu", "max,-erms");
    }
    line.add(
        "-smp",
        config.maxVcpus() == config.vcpus()
            ? "" + config.vcpus()
            : config.vcpus() + ",maxcpus=" + config.maxVcpus() + ",sockets=" + config.maxVcpus());
    if (!firmware.isEmpty()) {
      line.add("-bios", firmware);
    }
  }
}
