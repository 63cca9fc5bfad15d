package dev.casemate.containers;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.guest.Guest;
import dev.casemate.guest.GuestStore;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.linux.Fs;
import dev.casemate.sandbox.AgentChannel;
import dev.casemate.sandbox.SandboxPaths;
import dev.casemate.sandbox.TemplateUse;
import dev.casemate.sandbox.VmOptions;
import dev.casemate.vmms.Vmms;
import java.nio.file.Path;

/** From wishes to the VM: its size, its VMM, what it boots. */
final class VmPolicy {
  private VmPolicy() {}

  static VmOptions options(Wishes wishes, SandboxPaths paths) {
    check(wishes);
    String kernel = wishes.kernel;
    String initramfs = wishes.initramfs;
    if (kernel.isEmpty() || initramfs.isEmpty()) {
      Guest guest = guest(wishes.guest, paths);
      kernel = kernel.isEmpty() ? guest.kernel().toString() : kernel;
      initramfs = initramfs.isEmpty() ? guest.initramfs().toString() : initramfs;
    }
    requireFile("kernel", kernel);
    requireFile("initramfs", initramfs);
    return new VmOptions(
        wishes.hypervisor,
        wishes.accelerator,
        kernel,
        initramfs,
        wishes.memoryMib,
        (int) Math.ceil(wishes.cpus),
        wishes.bootTimeoutSeconds * 1000,
        TemplateUse.of(wishes.template),
        AgentChannel.of(wishes.agentChannel));
  }

  private static void check(Wishes wishes) {
    int mib = wishes.memoryMib;
    if (mib < ContainerDefaults.LEAST_MEMORY_MIB || mib > ContainerDefaults.MOST_MEMORY_MIB) {
      throw Refusal.of(
          "invalid value \"" + mib + "m\" for --memory: " + ContainerDefaults.MEMORY_RANGE);
    }
    // Not the other way round: NaN is neither.
    if (!(wishes.cpus >= ContainerDefaults.LEAST_CPUS
        && wishes.cpus <= ContainerDefaults.MOST_CPUS)) {
      throw Refusal.of(
          "invalid value \"" + wishes.cpus + "\" for --cpus: expected a number from 0.01 to 255");
    }
    if (!AcceleratorChoice.WORDS.contains(wishes.accelerator)) {
      throw Refusal.of(
          "invalid value \"" + wishes.accelerator + "\" for --accel: expected auto, kvm or tcg");
    }
    if (!TemplateUse.WORDS.contains(wishes.template)) {
      throw Refusal.of(
          "invalid value \""
              + wishes.template
              + "\" for --template: expected "
              + String.join(", ", TemplateUse.WORDS));
    }
    if (!AgentChannel.WORDS.contains(wishes.agentChannel)) {
      throw Refusal.of(
          "invalid value \""
              + wishes.agentChannel
              + "\" for --agent-channel: expected "
              + String.join(", ", AgentChannel.WORDS));
    }
    if (!Vmms.has(wishes.hypervisor)) {
      throw Refusal.of(
          "invalid value \""
              + wishes.hypervisor
              + "\" for --hypervisor: expected one of "
              + String.join(", ", Vmms.names()));
    }
    Refusal.range(
        "boot-timeout",
        wishes.bootTimeoutSeconds,
        ContainerDefaults.LEAST_BOOT_TIMEOUT_SECONDS,
        ContainerDefaults.MOST_BOOT_TIMEOUT_SECONDS);
  }

  private static Guest guest(String name, SandboxPaths paths) {
    return new GuestStore(Path.of(paths.guests()), Path.of(paths.cache(), "guest"))
        .find(name)
        .orElseThrow(
            () ->
                CasemateException.of(
                    Kind.NOT_FOUND,
                    "guest \""
                        + name
                        + "\" has not been built: no kernel to boot; build it with: casemate guest build"
                        + (name.equals(ContainerDefaults.GUEST) ? "" : " --name " + name)));
  }

  private static void requireFile(String what, String path) {
    if (!Fs.exists(path)) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          what
              + " "
              + path
              + " does not exist; build the guest with: casemate guest build, or correct --"
              + what);
    }
  }
}
