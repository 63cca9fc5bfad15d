package dev.casemate.sandbox;

import dev.casemate.base.Json;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.FileMark;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmConfig.AcceleratorChoice;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.FileContent;
import java.nio.charset.StandardCharsets;

/**
 * What VMs have in common that can start as copies of one template. Memory is not part of it: each
 * copy starts with the least and gets the rest by hot plug.
 *
 * @param maxVcpus what the VM may grow to
 */
public record TemplateKind(
    String hypervisor,
    String accelerator,
    String kernel,
    String initramfs,
    int vcpus,
    int maxVcpus) {
  /** Memory that a template has, in MiB. */
  public static final int MEMORY_MIB = VmSize.LEAST_STANDALONE_MIB;

  /** Raised when templates of earlier versions no longer fit, though all files are the same. */
  private static final int LAYOUT = 1;

  private static final int GIB_IN_MIB = 1024;
  private static final String RELEASE = "/proc/sys/kernel/osrelease";
  private static final long FNV_START = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  /** The kind of a sandbox's VM. */
  static TemplateKind of(SandboxConfig config) {
    VmOptions vm = config.vm();
    VmSize most = VmSize.of(vm).growingTo(config.most());
    return new TemplateKind(
        vm.hypervisor(), vm.accelerator(), vm.kernel(), vm.initramfs(), vm.vcpus(), most.vcpus());
  }

  /** What copies may grow to: all that this machine has, in whole blocks. */
  static int maxMemoryMib() {
    int host = VmSize.ofHost().memoryMib();
    int gib = Math.max(2, (host + GIB_IN_MIB - 1) / GIB_IN_MIB);
    return new VmSize(MEMORY_MIB, 1).growingTo(new VmSize(gib * GIB_IN_MIB, 1)).memoryMib();
  }

  /**
   * All that shapes the VM and may change while the kind stays the same: files, versions, machine.
   * A template with other facts is stale.
   *
   * @throws dev.casemate.base.CasemateException if the machine cannot run such VMs at all
   */
  String facts(Vmm vmm) {
    Accelerator.Kind runs = Accelerator.choose(AcceleratorChoice.of(accelerator)).kind();
    return "layout "
        + LAYOUT
        + "\ncasemate "
        + FileMark.version("/proc/self/exe")
        + "\n"
        + vmm.name()
        + " "
        + vmm.identity()
        + "\naccelerator "
        + runs
        // With KVM the guest sees the host's processor as the host's kernel offers it.
        + (runs == Accelerator.Kind.KVM
            ? " " + Accelerator.processor() + " " + FileContent.readString(RELEASE, 4096).strip()
            : "")
        + "\nkernel "
        + FileMark.version(kernel)
        + "\ninitramfs "
        + (initramfs.isEmpty() ? "" : FileMark.version(initramfs))
        + "\nvcpus "
        + vcpus
        + " to "
        + maxVcpus
        + "\nmemory "
        + MEMORY_MIB
        + " to "
        + maxMemoryMib()
        + "\nports "
        + VmConfig.MAX_HOTPLUG_PORTS
        + "\n";
  }

  /** The name of the directory for a template with these facts. */
  static String key(String facts) {
    long hash = FNV_START;
    for (byte b : facts.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xff)) * FNV_PRIME;
    }
    return Long.toHexString(hash | Long.MIN_VALUE);
  }

  Json.Obj toJson() {
    return new Json.Obj()
        .put("hypervisor", hypervisor)
        .put("accelerator", accelerator)
        .put("kernel", kernel)
        .put("initramfs", initramfs)
        .put("vcpus", vcpus)
        .put("maxVcpus", maxVcpus);
  }

  static TemplateKind fromJson(Json.Obj json) {
    return new TemplateKind(
        json.string("hypervisor"),
        json.string("accelerator"),
        json.string("kernel"),
        json.string("initramfs"),
        (int) json.integer("vcpus", 0),
        (int) json.integer("maxVcpus", 0));
  }
}
