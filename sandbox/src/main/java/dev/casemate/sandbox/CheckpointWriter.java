package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.hypervisor.Capability;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.hypervisor.VmSnapshot;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.util.ArrayList;
import java.util.List;

/**
 * Saves a VM with the one container that is in it. Everything stands still meanwhile: the container
 * is frozen, so that the guest has nothing to say; then nothing is said to the guest; then the VM
 * is stopped, and memory and disks are of one moment.
 */
final class CheckpointWriter {
  /** Of which nobody could say that it goes on; memory is written at hundreds of MiB a second. */
  private static final int SAVE_MILLIS = 600_000;

  private final SandboxVm vm;
  private final SandboxConfig config;

  CheckpointWriter(SandboxVm vm, SandboxConfig config) {
    this.vm = vm;
    this.config = config;
  }

  /**
   * Writes the checkpoint.
   *
   * @param directory exists, and holds nothing of a checkpoint
   * @param keep whether the VM goes on afterwards
   */
  void write(String directory, GuestContainer container, boolean keep) {
    check(container);
    vm.suspendNetwork();
    boolean saved = false;
    try {
      vm.agent().quietly(() -> save(directory, container, keep));
      saved = true;
    } finally {
      if (keep || !saved) {
        vm.resumeNetwork();
      }
    }
  }

  private void check(GuestContainer container) {
    SandboxDemands.require(
        vm.vmm(), Capability.SNAPSHOTS, "a checkpoint of container " + container.id(), "stop it");
    String why = null;
    if (vm.shares().isServed()) {
      why =
          "its files are shared with the host over virtio-fs, whose state cannot be saved; set"
              + " file_sharing = \"none\" in [vm] of the configuration and use a snapshotter that"
              + " provides block devices or image files";
    } else if (vm.hasCards()) {
      why = "its VM was started with network interfaces";
    } else if (!container.execs().isEmpty()) {
      why = "it has exec processes; wait for them to exit and delete them";
    } else if (!vm.volumes().disksAreRoots()) {
      why = "it has block volumes or devices";
    }
    if (why != null) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "container " + container.id() + " cannot be checkpointed: " + why);
    }
  }

  private void save(String directory, GuestContainer container, boolean keep) {
    VirtualMachine machine = vm.machine();
    List<HotDisks.HostDisk> disks = vm.volumes().disks();
    machine.pause();
    boolean saved = false;
    try {
      VmSnapshot snapshot;
      int create = OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE;
      try (Fd memory = Fs.open(VmCheckpoint.memory(directory), create, 0600)) {
        snapshot = machine.save(memory, SAVE_MILLIS);
      }
      List<VmCheckpoint.SavedDisk> savedDisks = new ArrayList<>();
      for (int i = 0; i < disks.size(); i++) {
        savedDisks.add(save(disks.get(i), VmCheckpoint.disk(directory, i)));
      }
      VmSize start = VmSize.of(config.vm());
      new VmCheckpoint(
              start,
              config.configured(),
              start.growingTo(config.most()),
              vm.size(),
              config.hotplugPorts(),
              config.vm().agentChannel(),
              Fs.stat(config.vm().kernel()).size(),
              ordered(snapshot, disks),
              savedDisks,
              new VmCheckpoint.SavedContainer(
                  container.guestId(), container.plan().stdio().terminal()))
          .write(directory);
      saved = true;
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INTERNAL, "checkpoint " + directory + " cannot be written: " + e.getMessage(), e);
    } finally {
      // First of all the VM goes on.
      if (keep || !saved) {
        machine.resume();
        // Its clock stood still, too.
        vm.setClock();
      }
      if (!saved) {
        VmCheckpoint.discard(directory, disks.size());
      }
    }
  }

  private static VmCheckpoint.SavedDisk save(HotDisks.HostDisk disk, String file) {
    if (disk.readOnly()) {
      return new VmCheckpoint.SavedDisk(
          true, DiskContent.size(disk.path()), DiskContent.fingerprint(disk.path()));
    }
    DiskContent.save(disk.path(), file);
    return new VmCheckpoint.SavedDisk(false, DiskContent.size(disk.path()), 0);
  }

  /** The VM's disks in the order in which the container's root was made of them. */
  private static VmSnapshot ordered(VmSnapshot snapshot, List<HotDisks.HostDisk> disks) {
    List<VmSnapshot.PluggedDisk> ordered = new ArrayList<>();
    for (HotDisks.HostDisk disk : disks) {
      for (VmSnapshot.PluggedDisk plugged : snapshot.disks()) {
        if (plugged.deviceId().equals(disk.deviceId())) {
          ordered.add(plugged);
        }
      }
    }
    if (ordered.size() != disks.size() || ordered.size() != snapshot.disks().size()) {
      throw CasemateException.of(
          Kind.INTERNAL, "the VM's disks are not those of its configuration: " + snapshot.disks());
    }
    return new VmSnapshot(snapshot.driver(), ordered, snapshot.processors());
  }
}
