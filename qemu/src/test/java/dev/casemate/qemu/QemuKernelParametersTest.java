package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import java.util.List;
import org.junit.jupiter.api.Test;

class QemuKernelParametersTest {
  private static final Accelerator TCG = new Accelerator(Accelerator.Kind.TCG, "");
  private static final Accelerator KVM = new Accelerator(Accelerator.Kind.KVM, "");

  private static List<String> of(VmConfig.Builder builder, Accelerator accelerator) {
    return QemuKernelParameters.all(builder.kernel("/k").initramfs("/i").build(), accelerator);
  }

  private static VmConfig.Builder vm() {
    return VmConfig.builder("vm", "/run/x");
  }

  @Test
  void theSearchForPciBusesEndsAtThoseThatThereAre() {
    assertThat(of(vm(), KVM)).contains("pci=lastbus=0,noearly");
    assertThat(of(vm().hotplugPorts(8), TCG)).contains("pci=lastbus=0,noearly");
  }

  @Test
  void theCallersParameterReplacesOursOfTheSameName() {
    assertThat(of(vm().kernelParameter("pci=nomsi"), TCG))
        .contains("pci=nomsi")
        .noneMatch(parameter -> parameter.startsWith("pci=lastbus"));
  }

  @Test
  void anIdleGuestIsNotWokenForWhatIsOfNoUse() {
    assertThat(of(vm(), TCG))
        .contains(
            "nowatchdog", "sysctl.vm.compaction_proactiveness=0",
            "sysctl.vm.percpu_pagelist_high_fraction=640", "sysctl.vm.stat_interval=10");
    assertThat(of(vm(), KVM)).contains("nowatchdog", "tsc=nowatchdog", "reboot=triple");
    assertThat(of(vm(), TCG)).doesNotContain("tsc=nowatchdog");
  }

  @Test
  void noMemoryIsKeptForBounceBuffers() {
    assertThat(of(vm().memoryMib(112).maxMemoryMib(16 << 10), KVM)).contains("swiotlb=noforce");
    assertThat(of(vm().kernelParameter("swiotlb=65536"), KVM))
        .contains("swiotlb=65536")
        .doesNotContain("swiotlb=noforce");
  }

  @Test
  void onlyEmulationSkipsTheTestOfTheTimer() {
    assertThat(of(vm(), TCG)).contains("no_timer_check");
    assertThat(of(vm(), KVM)).doesNotContain("no_timer_check");
  }
}
