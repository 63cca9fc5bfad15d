package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.protocol.GuestContract;
import dev.casemate.protocol.containerd.Mount;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A checkpoint with the disks that take the place of those that it was made with: from the same
 * kind of snapshot of the same image.
 */
public final class VmRestore {
  private static final int LOAD_MILLIS = 600_000;

  /** The saved guest knows its disks; the plan that it is asked for here is not carried out. */
  private static final GuestAddress NOWHERE = new GuestAddress.Mmio("");

  private final String directory;
  private final VmCheckpoint checkpoint;
  private final SandboxConfig node;
  private final List<HotDisks.HostDisk> disks;

  private VmRestore(
      String directory,
      VmCheckpoint checkpoint,
      SandboxConfig node,
      List<HotDisks.HostDisk> disks) {
    this.directory = directory;
    this.checkpoint = checkpoint;
    this.node = node;
    this.disks = disks;
  }

  /**
   * Checks that a checkpoint fits.
   *
   * @param rootfs the snapshotter's mounts for the new container
   * @param node the sandbox as the node would make it: its guest, accelerator, network and maximum
   *     size
   * @throws CasemateException INVALID_ARGUMENT if it is not a checkpoint, FAILED_PRECONDITION if it
   *     does not fit
   */
  public static VmRestore of(String directory, List<Mount> rootfs, SandboxConfig node) {
    VmCheckpoint checkpoint = VmCheckpoint.read(directory);
    String kernel = node.vm().kernel();
    Optional<Stat> stat = Fs.statIfExists(kernel);
    if (stat.isEmpty() || stat.get().size() != checkpoint.kernelBytes()) {
      throw unfit(
          directory,
          "it was made with a guest kernel other than "
              + kernel
              + ", of "
              + checkpoint.kernelBytes()
              + " bytes: set that kernel in the configuration");
    }
    checkSizes(directory, checkpoint, node);
    if (checkpoint.agentChannel() != node.vm().agentChannel()) {
      throw unfit(
          directory,
          "its VM's agent channel is \""
              + checkpoint.agentChannel().word()
              + "\": set agent_channel to that in the configuration");
    }
    List<HotDisks.HostDisk> disks = new ArrayList<>();
    RootDisks.plan(
        rootfs,
        GuestContract.CONTAINERS + checkpoint.container().guestId(),
        (path, readOnly) -> {
          int index = disks.size();
          String id =
              index < checkpoint.snapshot().disks().size()
                  ? checkpoint.snapshot().disks().get(index).deviceId()
                  : "";
          disks.add(new HotDisks.HostDisk(id, path, readOnly));
          return NOWHERE;
        });
    List<VmCheckpoint.SavedDisk> saved = checkpoint.disks();
    if (disks.size() != saved.size() || saved.size() != checkpoint.snapshot().disks().size()) {
      throw unfit(
          directory,
          "its root had " + saved.size() + " disks, but the given root has " + disks.size());
    }
    for (int i = 0; i < saved.size(); i++) {
      checkDisk(directory, saved.get(i), disks.get(i));
    }
    return new VmRestore(directory, checkpoint, node, disks);
  }

  private static void checkSizes(String directory, VmCheckpoint checkpoint, SandboxConfig node) {
    VmSize allowed = node.most().atLeast(VmSize.of(node.vm()));
    for (VmSize size :
        List.of(
            checkpoint.start(), checkpoint.size(), checkpoint.configured(), checkpoint.most())) {
      if (size.memoryMib() < 1
          || size.vcpus() < 1
          || size.memoryMib() > allowed.memoryMib()
          || size.vcpus() > allowed.vcpus()) {
        throw unfit(
            directory,
            "its VM has "
                + size.memoryMib()
                + " MiB and "
                + size.vcpus()
                + " vCPUs, but this node allows "
                + allowed.memoryMib()
                + " MiB and "
                + allowed.vcpus());
      }
    }
    if (checkpoint.hotplugPorts() != node.hotplugPorts()) {
      throw unfit(
          directory,
          "its VM has "
              + checkpoint.hotplugPorts()
              + " hot-plug ports, unlike this node's configuration");
    }
  }

  private static void checkDisk(
      String directory, VmCheckpoint.SavedDisk saved, HotDisks.HostDisk disk) {
    if (saved.readOnly() != disk.readOnly()) {
      throw unfit(
          directory,
          "disk " + disk.path() + " is not of the kind that was saved (read-only or writable)");
    }
    if (DiskContent.size(disk.path()) != saved.bytes()) {
      throw unfit(
          directory,
          "disk "
              + disk.path()
              + " has "
              + DiskContent.size(disk.path())
              + " bytes, but the saved disk has "
              + saved.bytes());
    }
    if (saved.readOnly() && DiskContent.fingerprint(disk.path()) != saved.fingerprint()) {
      throw unfit(directory, "disk " + disk.path() + " contains a different image");
    }
  }

  private static CasemateException unfit(String directory, String why) {
    return CasemateException.of(
        Kind.FAILED_PRECONDITION, "checkpoint " + directory + " cannot be restored: " + why);
  }

  public VmCheckpoint.SavedContainer container() {
    return checkpoint.container();
  }

  /** The configuration of the sandbox that continues from it. */
  public SandboxConfig config() {
    return new SandboxConfig(
        node.id(),
        node.vm().withSize(checkpoint.start()),
        node.network(),
        false,
        node.hotplugPorts(),
        checkpoint.configured(),
        checkpoint.most(),
        node.jail());
  }

  List<HotDisks.HostDisk> disks() {
    return disks;
  }

  VmSize size() {
    return checkpoint.size();
  }

  /** Restores the content of the disks and starts the VM, which is paused. */
  VirtualMachine launch(
      Vmm driver, VmConfig config, Consumer<VmRecord> launched, VmListener listener) {
    List<Device.Disk> devices = new ArrayList<>();
    for (int i = 0; i < disks.size(); i++) {
      HotDisks.HostDisk disk = disks.get(i);
      if (!disk.readOnly()) {
        DiskContent.restore(VmCheckpoint.disk(directory, i), disk.path());
      }
      devices.add(new Device.Disk(disk.deviceId(), disk.path(), disk.readOnly()));
    }
    try (Fd memory = VmCheckpoint.open(VmCheckpoint.memory(directory))) {
      return driver.restore(
          config, checkpoint.snapshot(), devices, memory, LOAD_MILLIS, launched, listener);
    }
  }
}
