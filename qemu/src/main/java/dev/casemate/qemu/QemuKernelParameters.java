package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import java.util.ArrayList;
import java.util.List;

/** What the guest's kernel is told, and why. */
final class QemuKernelParameters {
  private QemuKernelParameters() {}

  /**
   * Parameters that help under any VMM. Figures: Debian's 6.1 under TCG, guest instructions until
   * PID 1 counted by -icount.
   */
  static List<String> generic() {
    return List.of(
        "quiet",
        // A panic ends the VM at once: QEMU runs with -no-reboot.
        "panic=-1",
        // The self-tests of the crypto algorithms: 0.2 to 0.45 s.
        "cryptomgr.notests",
        // Entries for thousands of trace events: 6 % of the instructions and 8 MiB of host memory.
        // To trace inside a guest, configure an "initcall_blacklist=" of your own: it replaces
        // this.
        "initcall_blacklist=tracer_init_tracefs,init_kprobe_trace",
        // Pages are zeroed where their users need it; the guest's memory was zeroed by the host.
        // 3 % of the instructions.
        "init_on_alloc=0");
  }

  /** Parameters for emulation only. */
  static List<String> emulation() {
    return List.of(
        // On a busy host ticks come late and the kernel dies of "IO-APIC + timer doesn't work".
        // Under KVM it knows better by itself.
        "no_timer_check");
  }

  /**
   * Nothing tells the kernel which bus is the last, and it looks for a host bridge on each of 256:
   * 16,000 exits under KVM, two thirds of a start. There is one host bridge; a bus behind each
   * hot-plug port is found through the port.
   */
  private static String lastBus(VmConfig config) {
    return "pci=lastbus=" + config.hotplugPorts();
  }

  static List<String> all(VmConfig config, Accelerator accelerator) {
    List<String> parameters = new ArrayList<>();
    if (config.console()) {
      parameters.add("console=ttyS0");
    }
    List<String> defaults = new ArrayList<>(generic());
    defaults.add(lastBus(config));
    for (String parameter : defaults) {
      // The kernel adds up some parameters instead of taking the last: the caller's stands alone.
      if (!given(config, parameter)) {
        parameters.add(parameter);
      }
    }
    if (accelerator.kind() == Accelerator.Kind.TCG) {
      parameters.addAll(emulation());
    }
    if (config.maxMemoryMib() > config.memoryMib()) {
      // Plugged memory is of use at once; where it is to be given back again is the kernel's
      // choice.
      parameters.add("memhp_default_state=online");
      parameters.add("memory_hotplug.online_policy=auto-movable");
    }
    parameters.addAll(config.kernelParameters());
    return parameters;
  }

  /** Whether the caller sets a parameter of the same name. */
  private static boolean given(VmConfig config, String parameter) {
    int end = parameter.indexOf('=');
    if (end < 0) {
      return false;
    }
    for (String own : config.kernelParameters()) {
      if (own.startsWith(parameter.substring(0, end + 1))) {
        return true;
      }
    }
    return false;
  }
}
