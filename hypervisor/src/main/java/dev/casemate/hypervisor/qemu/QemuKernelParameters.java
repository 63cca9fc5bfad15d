package dev.casemate.hypervisor.qemu;

import dev.casemate.hypervisor.VmConfig;
import java.util.ArrayList;
import java.util.List;

/** What the guest's kernel is told, and why. */
final class QemuKernelParameters {
  private QemuKernelParameters() {}

  /** Parameters that help under any VMM. */
  static List<String> generic() {
    return List.of(
        "quiet",
        // A panic ends the VM at once: QEMU runs with -no-reboot.
        "panic=-1",
        // The self-tests of the crypto algorithms cost 0.2 to 0.45 s under TCG.
        "cryptomgr.notests");
  }

  static List<String> all(VmConfig config) {
    List<String> parameters = new ArrayList<>();
    if (config.console()) {
      parameters.add("console=ttyS0");
    }
    parameters.addAll(generic());
    parameters.addAll(config.kernelParameters());
    return parameters;
  }
}
