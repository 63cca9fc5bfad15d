package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.jail.Jail;
import dev.casemate.jail.JailRoot;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NetworkNamespace;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.UnixSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** From a configuration to a running process. */
final class QemuLaunch {
  private QemuLaunch() {}

  static QemuVm launch(
      String binary,
      String firmware,
      VmConfig config,
      Accelerator accelerator,
      Optional<? extends Incoming> incoming,
      VmListener listener) {
    String directory = config.runDirectory();
    QemuSockets files = QemuSockets.of(config);
    String consolePath = files.console();
    String agentPath = files.agent();
    List<Fd> opened = new ArrayList<>();
    List<Fd> kept = new ArrayList<>();
    List<MemoryFiles> owned = new ArrayList<>();
    try (Pipe errors = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      CommandLine.Sockets sockets =
          new CommandLine.Sockets(
              listen(files.control(), opened),
              consolePath.isEmpty() ? Optional.empty() : Optional.of(listen(consolePath, opened)),
              agentPath.isEmpty() ? Optional.empty() : Optional.of(listen(agentPath, opened)));
      // Connected before QEMU runs: it finds these clients in its backlog.
      Fd control = keep(UnixSocket.connect(files.control()), kept);
      Optional<Fd> console =
          consolePath.isEmpty()
              ? Optional.empty()
              : Optional.of(keep(UnixSocket.connect(consolePath), kept));
      boolean copy = incoming.map(Incoming::bringsMemory).orElse(false);
      Optional<MemoryFiles> memory = MemoryFiles.of(config, accelerator, copy);
      memory.ifPresent(owned::add);
      Optional<Fd> template =
          memory.isPresent() && (copy || config.becomesTemplate())
              ? Optional.of(keep(memory.get().create(config), kept))
              : Optional.empty();
      int pid;
      try (CommandLine line =
          CommandLine.of(
              binary,
              firmware,
              config,
              accelerator,
              QemuKernelParameters.all(config, accelerator),
              sockets,
              memory,
              incoming)) {
        Spawn spawn =
            program(binary, line, config, accelerator)
                .stdio(nothing, errors.write(), errors.write());
        // Without a jail, the program need not be one whose libraries can be found.
        Supplier<JailRoot> root =
            () -> {
              JailRoot all = QemuJail.root(binary, firmware, config, accelerator);
              memory.ifPresent(m -> m.addTo(all));
              return all;
            };
        pid = start(spawn, root, config);
      }
      Fd process = keep(Processes.openPid(pid), kept);
      VmRecord record =
          new VmRecord(
              QemuDriver.NAME,
              config.vmId(),
              pid,
              Processes.startTime(pid).orElse(0L),
              directory,
              files.state());
      PciLayout layout =
          incoming.isPresent() ? incoming.get().layout(config) : PciLayout.of(config);
      Fd errorPipe = keep(Fd.of(errors.read().release()), kept);
      QemuVm vm =
          new QemuVm(
              record,
              layout,
              accelerator,
              process,
              control,
              console,
              errorPipe,
              template,
              config.jail().isPresent() ? QemuJail.KERNEL : config.kernel(),
              StatePump.limit(config.maxMemoryMib()),
              listener);
      kept.clear();
      return vm;
    } catch (LinuxException e) {
      files.remove();
      throw CasemateException.of(
          CasemateException.Kind.INTERNAL,
          "VM " + config.vmId() + ": cannot start QEMU: " + e.getMessage(),
          e);
    } finally {
      // QEMU has its own copies: a client of a listener that QEMU has taken with it sees the end.
      for (Fd fd : opened) {
        fd.close();
      }
      for (Fd fd : kept) {
        fd.close();
      }
      owned.forEach(MemoryFiles::close);
    }
  }

  private static Spawn program(
      String binary, CommandLine line, VmConfig config, Accelerator accelerator) {
    Spawn spawn =
        Spawn.program(binary, line.arguments())
            // The last one is for people: it tells in /proc whose VM this is.
            .environment(
                List.of(
                    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                    "LC_ALL=C",
                    "CASEMATE_VM=" + config.runDirectory()))
            .workingDirectory("/")
            .newSession();
    if (accelerator.kind() == Accelerator.Kind.TCG) {
      // An emulated guest touches little of much memory in its first second, and QEMU asks for
      // huge pages: clearing these takes a twentieth of a start, and emulation gains little.
      spawn.smallPages();
    }
    int number = CommandLine.FIRST_DESCRIPTOR;
    for (Fd fd : line.descriptors()) {
      spawn.descriptor(fd, number++);
    }
    return spawn;
  }

  private static Fd listen(String path, List<Fd> opened) {
    Fs.unlinkIfExists(path);
    Fd listener = UnixSocket.listen(path, 4);
    opened.add(listener);
    return listener;
  }

  private static Fd keep(Fd fd, List<Fd> kept) {
    kept.add(fd);
    return fd;
  }

  /** Starts the process in its jail, or, without one, in the wanted network namespace. */
  private static int start(Spawn spawn, Supplier<JailRoot> root, VmConfig config) {
    Optional<Fd> namespace =
        config.networkNamespace().isEmpty()
            ? Optional.empty()
            : Optional.of(NetworkNamespace.open(config.networkNamespace()));
    try {
      if (config.jail().isPresent()) {
        return Jail.full(
                config.runDirectory(),
                root.get(),
                config.jail().get(),
                QemuJail.limits(config),
                namespace)
            .start(spawn);
      }
      return namespace.isPresent()
          ? NetworkNamespace.run(namespace.get(), spawn::start)
          : spawn.start();
    } finally {
      namespace.ifPresent(Fd::close);
    }
  }
}
