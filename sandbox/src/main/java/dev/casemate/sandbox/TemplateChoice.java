package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Capability;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.LinuxException;
import java.util.Optional;
import java.util.function.Consumer;

/** Decides whether a sandbox's VM starts as a copy of a template. */
final class TemplateChoice {
  private TemplateChoice() {}

  /** The template to start from; empty if the VM is to boot. */
  static Optional<Template> of(
      SandboxPaths paths,
      SandboxConfig config,
      PreparedVm prepared,
      Vmm vmm,
      Consumer<String> warnings) {
    if (prepared.checkpoint().isPresent() || !fits(config, vmm)) {
      return Optional.empty();
    }
    try {
      TemplateKind kind = TemplateKind.of(config);
      String facts = kind.facts(vmm);
      TemplateStore store = new TemplateStore(paths);
      Optional<Template> found = store.find(facts, warnings);
      if (found.isEmpty()
          && config.vm().template() == TemplateUse.AUTO
          && !store.hasFailedLately(facts)) {
        TemplateLauncher.buildLater(kind, config.jail(), warnings);
      }
      return found;
    } catch (CasemateException | LinuxException e) {
      // What is wrong with the machine the boot says better.
      return Optional.empty();
    }
  }

  private static boolean fits(SandboxConfig config, Vmm vmm) {
    VmOptions vm = config.vm();
    // A checkpoint's VM is restored with the machine that the configuration describes, not with a
    // template's.
    boolean savable = !config.sharing() && config.hotplugPorts() > 0;
    // A template's agent has a port.
    return !savable
        && vm.agentChannel() == AgentChannel.SERIAL
        && vm.template() != TemplateUse.NEVER
        && vmm.capabilities().contains(Capability.TEMPLATES)
        && vm.memoryMib() >= TemplateKind.MEMORY_MIB
        && VmSize.of(vm).growingTo(config.most()).memoryMib() <= TemplateKind.maxMemoryMib()
        && config.hotplugPorts() <= VmConfig.MAX_HOTPLUG_PORTS;
  }
}
