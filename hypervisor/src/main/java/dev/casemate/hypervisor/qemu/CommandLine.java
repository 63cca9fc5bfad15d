package dev.casemate.hypervisor.qemu;

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
final class CommandLine {
  /** Number in the child of the first inherited descriptor. */
  static final int FIRST_DESCRIPTOR = 3;

  private final List<String> arguments = new ArrayList<>();
  private final List<Fd> descriptors = new ArrayList<>();

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
      Optional<Incoming> incoming) {
    CommandLine line = new CommandLine();
    line.add(binary);
    line.add("-name", "guest=" + config.vmId());
    line.add("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none");
    // QEMU may neither start programs nor change its identity, whatever a guest makes of it.
    line.add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    MachineArguments.add(line, config, accelerator, firmware);
    MemoryArguments.add(line, config);
    line.add("-kernel", config.kernel());
    if (!config.initramfs().isEmpty()) {
      line.add("-initrd", config.initramfs());
    }
    line.add("-append", String.join(" ", kernelParameters));
    line.add(
        "-chardev",
        "socket,id=control,server=on,wait=off,fd=" + line.descriptor(sockets.control()));
    line.add("-mon", "chardev=control,mode=control");
    if (sockets.console().isPresent()) {
      line.add(
          "-chardev",
          "socket,id=console,server=on,wait=off,fd=" + line.descriptor(sockets.console().get()));
      line.add("-serial", "chardev:console");
    }
    DeviceArguments.add(line, config, accelerator, sockets);
    incoming.ifPresent(state -> state.add(line));
    return line;
  }

  void add(String... more) {
    arguments.addAll(List.of(more));
  }

  /** Has the child inherit a descriptor; returns its number there. */
  int descriptor(Fd fd) {
    descriptors.add(fd);
    return FIRST_DESCRIPTOR + descriptors.size() - 1;
  }

  List<String> arguments() {
    return List.copyOf(arguments);
  }

  List<Fd> descriptors() {
    return List.copyOf(descriptors);
  }

  /** A value inside QEMU's {@code a=b,c=d} lists: commas are doubled. */
  static String escape(String value) {
    return value.replace(",", ",,");
  }
}
