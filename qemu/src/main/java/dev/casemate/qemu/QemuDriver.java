package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Capability;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.FileMark;
import dev.casemate.hypervisor.Finding;
import dev.casemate.hypervisor.KernelImage;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.hypervisor.VmTemplate;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Stat;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Runs VMs by QEMU; {@link QemuChecks} has the oldest version. */
public final class QemuDriver implements Vmm {
  /** The driver's name. */
  static final String NAME = "qemu";

  /** How long a QEMU takes to end that cannot read a state. */
  private static final int REFUSAL_MILLIS = 500;

  /** How long a copy may take to have its state, on a busy machine. */
  private static final int TEMPLATE_MILLIS = 60_000;

  private final String configuredBinary;

  /** QEMU where distributions put it. */
  public QemuDriver() {
    this("");
  }

  /** QEMU by path; empty looks where distributions put it. */
  public QemuDriver(String binary) {
    this.configuredBinary = binary;
  }

  @Override
  public String name() {
    return NAME;
  }

  /** All of them: it is the driver that the others are measured by. */
  @Override
  public Set<Capability> capabilities() {
    return EnumSet.allOf(Capability.class);
  }

  /** Packages replace files when they bring another version. */
  @Override
  public String identity() {
    String firmware = QemuBinary.firmware();
    return FileMark.version(QemuBinary.find(configuredBinary))
        + (firmware.isEmpty() ? "" : " " + FileMark.version(firmware));
  }

  @Override
  public List<Finding> check() {
    return QemuChecks.of(configuredBinary);
  }

  @Override
  public VirtualMachine launch(VmConfig config, VmListener listener) {
    return launch(config, Optional.empty(), listener);
  }

  @Override
  public VirtualMachine copy(VmConfig config, VmTemplate template, VmListener listener) {
    requireFile(config.vmId(), "template", template.memory(), "casemate template build");
    requireFile(config.vmId(), "template", template.state(), "casemate template build");
    QemuVm vm = launch(config, Optional.of(new IncomingTemplate()), listener);
    vm.takeIn(template, config.devices(), TEMPLATE_MILLIS);
    return vm;
  }

  @Override
  public VirtualMachine restore(
      VmConfig config,
      VmSnapshot snapshot,
      List<Device.Disk> disks,
      Fd from,
      int timeoutMillis,
      Consumer<VmRecord> launched,
      VmListener listener) {
    for (Device.Disk disk : disks) {
      requireDisk(config.vmId(), disk);
    }
    QemuVm vm =
        launch(config, Optional.of(IncomingMigration.of(config, snapshot, disks)), listener);
    try {
      launched.accept(vm.record());
      vm.load(snapshot, from, timeoutMillis);
      return vm;
    } catch (CasemateException e) {
      // Its own words come with its end, if it has ended of what it was given.
      CasemateException told =
          vm.awaitExit(REFUSAL_MILLIS).isPresent() ? vm.failure("restoring its state") : e;
      vm.close();
      throw told;
    }
  }

  private QemuVm launch(
      VmConfig config, Optional<? extends Incoming> incoming, VmListener listener) {
    String binary = QemuBinary.find(configuredBinary);
    Accelerator accelerator = Accelerator.choose(config.accelerator());
    checkFiles(config);
    KernelImage.requireMemory(config);
    makeRunDirectory(config.runDirectory());
    return QemuLaunch.launch(
        binary, QemuBinary.firmware(), config, accelerator, incoming, listener);
  }

  private static void checkFiles(VmConfig config) {
    requireFile(config.vmId(), "guest kernel", config.kernel(), "casemate guest build");
    if (!config.initramfs().isEmpty()) {
      requireFile(config.vmId(), "initramfs", config.initramfs(), "casemate guest build");
    }
    for (Device device : config.devices()) {
      if (device instanceof Device.Disk disk) {
        requireDisk(config.vmId(), disk);
      }
      if (device instanceof Device.FileShare share && !Fs.exists(share.socketPath())) {
        throw CasemateException.of(
            CasemateException.Kind.NOT_FOUND,
            "VM "
                + config.vmId()
                + ": socket \""
                + share.socketPath()
                + "\" of file share \""
                + share.id()
                + "\" does not exist: start its virtiofsd first");
      }
    }
  }

  static void requireDisk(String vmId, Device.Disk disk) {
    Optional<Stat> stat = Fs.statIfExists(disk.path());
    if (stat.isEmpty() || (!stat.get().isRegular() && stat.get().type() != Stat.BLOCK)) {
      throw CasemateException.of(
          CasemateException.Kind.NOT_FOUND,
          "VM "
              + vmId
              + ": disk \""
              + disk.id()
              + "\": \""
              + disk.path()
              + (stat.isEmpty()
                  ? "\" does not exist"
                  : "\" is neither a regular file nor a block device")
              + ": correct the path");
    }
  }

  private static void requireFile(String vmId, String what, String path, String remedy) {
    Optional<Stat> stat = Fs.statIfExists(path);
    if (stat.isEmpty() || !stat.get().isRegular()) {
      throw CasemateException.of(
          CasemateException.Kind.NOT_FOUND,
          "VM "
              + vmId
              + ": "
              + what
              + " \""
              + path
              + (stat.isEmpty() ? "\" does not exist" : "\" is not a regular file")
              + "; create it with: "
              + remedy);
    }
  }

  private static void makeRunDirectory(String path) {
    FileTree.makeDirectories(path, 0700); // Whoever reaches the control socket owns the VM
    try (Fd directory =
        Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW)) {
      if (Fs.stat(directory).permissions() != 0700) {
        Fs.chmod(directory, 0700);
      }
    }
  }

  /** The record's process, if the pid still names it. */
  private static Optional<Fd> open(VmRecord record) {
    if (record.pid() <= 0) {
      return Optional.empty();
    }
    Fd process;
    try {
      process = Processes.openPid(record.pid());
    } catch (LinuxException e) {
      if (e.errno() == Errno.ESRCH || e.errno() == Errno.EINVAL) {
        return Optional.empty();
      }
      throw e;
    }
    // Compared after opening: from here on the descriptor cannot come to name another process.
    Optional<Long> startTime = Processes.startTime(record.pid());
    if (startTime.isEmpty() || startTime.get() != record.startTime()) {
      process.close();
      return Optional.empty();
    }
    return Optional.of(process);
  }

  @Override
  public void cleanUp(VmRecord record) {
    Optional<Fd> process = open(record);
    if (process.isPresent()) {
      try (Fd pidfd = process.get()) {
        Processes.signalPid(pidfd, Signals.KILL);
        Poll.await(pidfd, Poll.IN, 5000);
      } catch (LinuxException e) {
        if (e.errno() != Errno.ESRCH) {
          throw e;
        }
      }
    }
    QemuSockets.remove(record);
    Fs.unlinkIfExists(MemoryFiles.startPath(record.runDirectory()));
  }
}
