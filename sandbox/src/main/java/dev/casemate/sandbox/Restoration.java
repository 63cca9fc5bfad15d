package dev.casemate.sandbox;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.hypervisor.VmListener;
import dev.casemate.hypervisor.VmRecord;
import dev.casemate.hypervisor.Vmm;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.network.NetworkConfig;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.protocol.containerd.Mount;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A checkpoint with the disks that take the place of those that it was made with: from the same
 * kind of snapshot of the same image.
 */
public final class Restoration {
  private static final int LOAD_MILLIS = 600_000;

  private final String directory;
  private final Checkpoint checkpoint;
  private final List<HotDisks.HostDisk> disks;

  private Restoration(String directory, Checkpoint checkpoint, List<HotDisks.HostDisk> disks) {
    this.directory = directory;
    this.checkpoint = checkpoint;
    this.disks = disks;
  }

  /**
   * Checks that a checkpoint fits.
   *
   * @param rootfs the snapshotter's mounts for the new container
   * @throws CasemateException INVALID_ARGUMENT if it is no checkpoint, FAILED_PRECONDITION if it
   *     does not fit
   */
  public static Restoration of(String directory, List<Mount> rootfs) {
    Checkpoint checkpoint = Checkpoint.read(directory);
    Optional<Stat> kernel = Fs.statIfExists(checkpoint.vm().kernel());
    if (kernel.isEmpty() || kernel.get().size() != checkpoint.kernelBytes()) {
      throw unfit(
          directory,
          "it was made with a guest kernel of "
              + checkpoint.kernelBytes()
              + " bytes, "
              + checkpoint.vm().kernel()
              + ", which "
              + (kernel.isEmpty() ? "is not there" : "is another now"));
    }
    List<HotDisks.HostDisk> disks = new ArrayList<>();
    RootDisks.plan(
        rootfs,
        SandboxVm.GUEST_CONTAINERS + checkpoint.container().guestId(),
        (path, readOnly) -> {
          int index = disks.size();
          String id =
              index < checkpoint.snapshot().disks().size()
                  ? checkpoint.snapshot().disks().get(index).deviceId()
                  : "";
          disks.add(new HotDisks.HostDisk(id, path, readOnly));
          return "";
        });
    List<Checkpoint.SavedDisk> saved = checkpoint.disks();
    if (disks.size() != saved.size() || saved.size() != checkpoint.snapshot().disks().size()) {
      throw unfit(
          directory,
          "its root was of " + saved.size() + " disks, the one given is of " + disks.size());
    }
    for (int i = 0; i < saved.size(); i++) {
      checkDisk(directory, saved.get(i), disks.get(i));
    }
    return new Restoration(directory, checkpoint, disks);
  }

  private static void checkDisk(
      String directory, Checkpoint.SavedDisk saved, HotDisks.HostDisk disk) {
    if (saved.readOnly() != disk.readOnly()) {
      throw unfit(directory, "disk " + disk.path() + " is not of the kind that was saved");
    }
    if (DiskContent.size(disk.path()) != saved.bytes()) {
      throw unfit(
          directory,
          "disk "
              + disk.path()
              + " has "
              + DiskContent.size(disk.path())
              + " bytes, the one that was saved has "
              + saved.bytes());
    }
    if (saved.readOnly() && DiskContent.fingerprint(disk.path()) != saved.fingerprint()) {
      throw unfit(directory, "disk " + disk.path() + " has another image on it");
    }
  }

  private static CasemateException unfit(String directory, String why) {
    return CasemateException.of(
        Kind.FAILED_PRECONDITION, "checkpoint " + directory + " cannot be restored: " + why);
  }

  public Checkpoint.SavedContainer container() {
    return checkpoint.container();
  }

  /** The sandbox that goes on with it. */
  public SandboxConfig config(String id, Optional<NetworkConfig> network) {
    return new SandboxConfig(
        id,
        checkpoint.vm(),
        network,
        false,
        checkpoint.hotplugPorts(),
        checkpoint.configured(),
        checkpoint.most());
  }

  List<HotDisks.HostDisk> disks() {
    return disks;
  }

  VmSize size() {
    return checkpoint.size();
  }

  /** Gives the disks their content and starts the VM, which stands still. */
  VirtualMachine launch(
      Vmm driver, VmConfig config, Consumer<VmRecord> launched, VmListener listener) {
    List<Device.Disk> devices = new ArrayList<>();
    for (int i = 0; i < disks.size(); i++) {
      HotDisks.HostDisk disk = disks.get(i);
      if (!disk.readOnly()) {
        DiskContent.restore(Checkpoint.disk(directory, i), disk.path());
      }
      devices.add(new Device.Disk(disk.deviceId(), disk.path(), disk.readOnly()));
    }
    try (Fd memory = Fs.open(Checkpoint.memory(directory), OpenFlag.READ_ONLY)) {
      return driver.restore(
          config, checkpoint.snapshot(), devices, memory, LOAD_MILLIS, launched, listener);
    }
  }
}
