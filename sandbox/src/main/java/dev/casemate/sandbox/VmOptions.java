package dev.casemate.sandbox;

import dev.casemate.base.Json;

/**
 * The requested VM of a sandbox.
 *
 * @param hypervisor the driver's name, {@code qemu}
 * @param accelerator {@code auto}, {@code kvm} or {@code tcg}
 * @param kernel path of an uncompressed PVH kernel
 * @param initramfs path of the initramfs that contains the agent
 * @param memoryMib memory of the VM in MiB
 * @param vcpus virtual CPUs at boot
 * @param bootTimeoutMillis how long the agent may take to answer
 * @param template whether it may start as a copy of a template
 * @param agentChannel how its agent is reached
 */
public record VmOptions(
    String hypervisor,
    String accelerator,
    String kernel,
    String initramfs,
    int memoryMib,
    int vcpus,
    int bootTimeoutMillis,
    TemplateUse template,
    AgentChannel agentChannel) {
  /** With the default channel. */
  public VmOptions(
      String hypervisor,
      String accelerator,
      String kernel,
      String initramfs,
      int memoryMib,
      int vcpus,
      int bootTimeoutMillis,
      TemplateUse template) {
    this(
        hypervisor,
        accelerator,
        kernel,
        initramfs,
        memoryMib,
        vcpus,
        bootTimeoutMillis,
        template,
        AgentChannel.SERIAL);
  }

  /** These options for a VM of another size. */
  public VmOptions withSize(VmSize size) {
    return new VmOptions(
        hypervisor,
        accelerator,
        kernel,
        initramfs,
        size.memoryMib(),
        size.vcpus(),
        bootTimeoutMillis,
        template,
        agentChannel);
  }

  public Json.Obj toJson() {
    return new Json.Obj()
        .put("hypervisor", hypervisor)
        .put("accelerator", accelerator)
        .put("kernel", kernel)
        .put("initramfs", initramfs)
        .put("memoryMib", memoryMib)
        .put("vcpus", vcpus)
        .put("bootTimeoutMillis", bootTimeoutMillis)
        .put("template", template.word())
        .put("agentChannel", agentChannel.word());
  }

  public static VmOptions fromJson(Json.Obj json) {
    return new VmOptions(
        json.string("hypervisor"),
        json.string("accelerator"),
        json.string("kernel"),
        json.string("initramfs"),
        (int) json.integer("memoryMib", 0),
        (int) json.integer("vcpus", 1),
        (int) json.integer("bootTimeoutMillis", 60_000),
        TemplateUse.of(json.string("template")),
        AgentChannel.of(json.string("agentChannel")));
  }
}
