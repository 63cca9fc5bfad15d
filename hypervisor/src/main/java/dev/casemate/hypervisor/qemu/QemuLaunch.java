package dev.casemate.hypervisor.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.UnixSocket;
import dev.casemate.oci.CasemateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** From a configuration to a running process. */
final class QemuLaunch {
  private static final String CONTROL = "/qmp.sock";
  private static final String CONSOLE = "/console.sock";
  private static final String AGENT = "/agent.sock";

  private QemuLaunch() {}

  static QemuVm launch(
      String binary,
      String firmware,
      VmConfig config,
      Accelerator accelerator,
      Optional<Incoming> incoming,
      VmListener listener) {
    String directory = config.runDirectory();
    Device.AgentChannel channel = config.agentChannel().orElse(null);
    String consolePath = config.console() ? directory + CONSOLE : "";
    String agentPath = channel instanceof Device.SerialChannel ? directory + AGENT : "";
    List<Fd> opened = new ArrayList<>();
    List<Fd> kept = new ArrayList<>();
    try (Pipe errors = Pipe.open();
        Fd nothing = Fs.open("/dev/null", OpenFlag.READ_WRITE)) {
      CommandLine.Sockets sockets =
          new CommandLine.Sockets(
              listen(directory + CONTROL, opened),
              consolePath.isEmpty() ? Optional.empty() : Optional.of(listen(consolePath, opened)),
              agentPath.isEmpty() ? Optional.empty() : Optional.of(listen(agentPath, opened)));
      // Connected before QEMU runs: it finds these clients in its backlog.
      Fd control = keep(UnixSocket.connect(directory + CONTROL), kept);
      Optional<Fd> console =
          consolePath.isEmpty()
              ? Optional.empty()
              : Optional.of(keep(UnixSocket.connect(consolePath), kept));
      CommandLine line =
          CommandLine.of(
              binary,
              firmware,
              config,
              accelerator,
              QemuKernelParameters.all(config, accelerator),
              sockets,
              incoming);
      Spawn spawn =
          Spawn.program(binary, line.arguments())
              .environment(List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"))
              .stdio(nothing, errors.write(), errors.write())
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
      int pid = start(spawn, config);
      Fd process = keep(Processes.openPid(pid), kept);
      VmRecord record =
          new VmRecord(
              "qemu",
              config.vmId(),
              pid,
              Processes.startTime(pid).orElse(0L),
              directory,
              directory + CONTROL,
              agentPath,
              channel instanceof Device.VsockChannel vsock ? vsock.cid() : 0,
              channel instanceof Device.VsockChannel vsock ? vsock.port() : 0,
              consolePath,
              config.hotplugPorts(),
              incoming.isPresent()
                  ? incoming.get().placements(config)
                  : Layout.of(config).placements());
      Fd errorPipe = keep(Fd.of(errors.read().release()), kept);
      QemuVm vm =
          new QemuVm(
              record, accelerator, process, control, console, Optional.of(errorPipe), listener);
      kept.clear();
      return vm;
    } catch (LinuxException e) {
      Fs.unlinkIfExists(directory + CONTROL);
      Fs.unlinkIfExists(directory + CONSOLE);
      Fs.unlinkIfExists(directory + AGENT);
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
    }
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

  /** Starts the process in the wanted network namespace: a thread of its own enters it and ends. */
  private static int start(Spawn spawn, VmConfig config) {
    if (config.networkNamespace().isEmpty()) {
      return spawn.start();
    }
    try (Fd namespace = Fs.open(config.networkNamespace(), OpenFlag.READ_ONLY)) {
      Inside inside = new Inside(spawn, namespace);
      Thread thread = new Thread(inside, "netns-" + config.vmId());
      thread.start();
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw CasemateException.of(
            CasemateException.Kind.UNAVAILABLE,
            "VM " + config.vmId() + ": the launch was interrupted",
            e);
      }
      if (inside.failure != null) {
        throw inside.failure;
      }
      return inside.pid;
    }
  }

  private static final class Inside implements Runnable {
    private final Spawn spawn;
    private final Fd namespace;
    private int pid;
    @Nullable private RuntimeException failure;

    Inside(Spawn spawn, Fd namespace) {
      this.spawn = spawn;
      this.namespace = namespace;
    }

    @Override
    public void run() {
      try {
        Processes.joinNamespace(namespace, Processes.CLONE_NEWNET);
        pid = spawn.start();
      } catch (RuntimeException e) {
        failure = e;
      }
    }
  }
}
