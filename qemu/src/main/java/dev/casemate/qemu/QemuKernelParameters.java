package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import java.util.ArrayList;
import java.util.List;

/** The parameters of the guest's kernel, and why it gets them. */
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
        // And the driver of the clock chip, which asks it 160 times; the kernel reads the time at
        // boot without it. To trace inside a guest, configure an "initcall_blacklist=" of your own:
        // it replaces this.
        "initcall_blacklist=tracer_init_tracefs,init_kprobe_trace,cmos_init",
        // Pages are zeroed where their users need it; the guest's memory was zeroed by the host.
        // 3 % of the instructions.
        "init_on_alloc=0",
        // There is one PCI bus. Nothing else tells the kernel so, and it would look for a host
        // bridge on each of 256: 18,000 exits under KVM, three quarters of a start. Nor has the bus
        // chips that have to be looked for before all others: 120 exits.
        "pci=lastbus=0,noearly",
        // No bounce buffers: virtio devices reach all memory. A VM that may grow beyond 4 GiB would
        // clear and keep 32 to 64 MiB for them, whatever it starts with.
        "swiotlb=noforce",
        // An idle guest is to sleep. A lockup of its processor is also one of a busy host.
        "nowatchdog",
        // Two wakes a second for compaction ahead of demand, one for statistics of memory.
        "sysctl.vm.compaction_proactiveness=0",
        // Up to 54 MiB of free pages on lists of a processor's own, which are neither joined to
        // large pages nor given back. This leaves 1.5 MiB a GiB, as kernels before 5.14 did.
        "sysctl.vm.percpu_pagelist_high_fraction=640",
        "sysctl.vm.stat_interval=10");
  }

  /** Parameters for KVM only. */
  static List<String> kvm() {
    return List.of(
        // The guest's clock is kvm-clock, which the host keeps. Without this the kernel compares a
        // clock that it does not use with another, twice a second.
        "tsc=nowatchdog",
        // Variables of each processor in small pages: with large ones the kernel's accounts of them
        // alone take 4 MiB, and the guest's memory lies in 14 MiB fewer of the host's large pages.
        "percpu_alloc=page",
        // There is no keyboard controller to ask for a reset. QEMU ends at a triple fault, too.
        "reboot=triple");
  }

  /** Parameters for emulation only. */
  static List<String> emulation() {
    return List.of(
        // On a busy host ticks come late and the kernel dies of "IO-APIC + timer doesn't work".
        // Under KVM it knows better by itself.
        "no_timer_check");
  }

  static List<String> all(VmConfig config, Accelerator accelerator) {
    List<String> parameters = new ArrayList<>();
    if (config.console()) {
      parameters.add("console=ttyS0");
    }
    for (String parameter : generic()) {
      // The kernel adds up some parameters instead of taking the last: the caller's stands alone.
      if (!given(config, parameter)) {
        parameters.add(parameter);
      }
    }
    parameters.addAll(accelerator.kind() == Accelerator.Kind.TCG ? emulation() : kvm());
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
