package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.linux.Fd;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * QEMU's arguments, and the descriptors that they speak of by number. Sockets are opened by this
 * process and handed over listening: a client can connect before QEMU runs, and nobody has to poll
 * for a path to appear.
 */
final class CommandLine implements AutoCloseable {
  /** Number in the child of the first inherited descriptor. */
  static final int FIRST_DESCRIPTOR = 3;

  private final List<String> arguments = new ArrayList<>();
  private final List<Fd> descriptors = new ArrayList<>();
  private final List<Fd> opened = new ArrayList<>();

  /** The listening sockets of a VM; the parts that it does not have are absent. */
  record Sockets(Fd control, Optional<Fd> console, Optional<Fd> agent) {}

  private CommandLine() {}

  static CommandLine of(
      String binary,
      String firmware,
      VmConfig config,
      Accelerator accelerator,
      List<String> kernelParameters,
      Sockets sockets,
      Optional<MemoryFiles> memory,
      Optional<? extends Incoming> incoming) {
    CommandLine line = new CommandLine();
    try {
      line.fill(binary, firmware, config, accelerator, kernelParameters, sockets, memory, incoming);
    } catch (RuntimeException e) {
      line.close();
      throw e;
    }
    return line;
  }

  private void fill(
      String binary,
      String firmware,
      VmConfig config,
      Accelerator accelerator,
      List<String> kernelParameters,
      Sockets sockets,
      Optional<MemoryFiles> memory,
      Optional<? extends Incoming> incoming) {
    add(binary);
    add("-name", "guest=" + config.vmId());
    add("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none");
    // QEMU may neither start programs nor change its identity, whatever a guest makes of it.
    add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    MachineArguments.add(this, config, accelerator, firmware, memory);
    MemoryArguments.add(this, config, memory);
    boolean jailed = config.jail().isPresent();
    add("-kernel", jailed ? QemuJail.KERNEL : config.kernel());
    if (!config.initramfs().isEmpty()) {
      add("-initrd", jailed ? QemuJail.INITRAMFS : config.initramfs());
    }
    add("-append", String.join(" ", kernelParameters));
    add("-chardev", "socket,id=control,server=on,wait=off,fd=" + descriptor(sockets.control()));
    add("-mon", "chardev=control,mode=control");
    if (sockets.console().isPresent()) {
      add(
          "-chardev",
          "socket,id=console,server=on,wait=off,fd=" + descriptor(sockets.console().get()));
      add("-serial", "chardev:console");
    }
    boolean copy = incoming.map(Incoming::bringsMemory).orElse(false);
    DeviceArguments.add(this, config, accelerator, sockets, copy);
    incoming.ifPresent(state -> state.add(config.vmId(), this));
  }

  void add(String... more) {
    arguments.addAll(List.of(more));
  }

  /** Has the child inherit a descriptor; returns its number there. */
  int descriptor(Fd fd) {
    descriptors.add(fd);
    return FIRST_DESCRIPTOR + descriptors.size() - 1;
  }

  /** Takes a descriptor that was opened for QEMU alone: {@link #close} closes it here. */
  Fd own(Fd fd) {
    opened.add(fd);
    return fd;
  }

  /** Once QEMU has its copies. */
  @Override
  public void close() {
    opened.forEach(Fd::close);
  }

  List<String> arguments() {
    return List.copyOf(arguments);
  }

  List<Fd> descriptors() {
    return List.copyOf(descriptors);
  }
}
