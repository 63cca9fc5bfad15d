package dev.casemate.hypervisor;

import dev.casemate.linux.Fd;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A VMM's driver. Drivers hold no state: a VM is its {@link VirtualMachine}, or its {@link
 * VmRecord} for a process that comes later.
 */
public interface Vmm {
  /** The driver's name, as used in configuration files and records: {@code qemu}. */
  String name();

  /** What VMs of this driver can do beyond the least; asked before anything is started. */
  Set<Capability> capabilities();

  /**
   * Which program, in which version, VMs would get from {@link #launch} now: a saved state is only
   * good for the same. Cheap: it runs nothing.
   *
   * @throws dev.casemate.base.CasemateException NOT_FOUND for a missing VMM
   */
  String identity();

  /**
   * Whether this machine has the VMM, in a version that works, and what goes with it; for {@code
   * casemate doctor}. Runs the VMM once to ask for its version: not for the start path.
   */
  List<Finding> check();

  /**
   * Starts a VM and returns as soon as the VMM's process exists; the guest then boots, and the VMM
   * may still exit because of its configuration. {@link VirtualMachine#agentConnection} can be
   * called immediately.
   *
   * @param listener gets the VM's events on the VM's own thread; must neither block nor call the VM
   * @throws dev.casemate.base.CasemateException NOT_FOUND for a missing VMM, kernel or disk,
   *     FAILED_PRECONDITION for a machine that cannot run the VM as requested
   */
  VirtualMachine launch(VmConfig config, VmListener listener);

  /**
   * Starts a VM as a copy of a template and returns as soon as the VMM's process exists. The guest
   * goes on where the template was saved once memory and state have been read; a request over the
   * agent's channel waits for that. A state that cannot be read ends the VM.
   *
   * @param config as the template's; devices may follow those that the template had, and the guest
   *     finds them when it looks for new ones
   * @throws dev.casemate.base.CasemateException as {@link #launch}
   */
  VirtualMachine copy(VmConfig config, VmTemplate template, VmListener listener);

  /**
   * Starts a VM from a state that {@link VirtualMachine#save} has written, and returns once it has
   * been read; the VM is paused. The content of the disks must be the same as at the save.
   *
   * @param config as at its launch; paths and names may differ
   * @param disks those that were plugged in, in the snapshot's order
   * @param launched is called with the VMM's process before the state is read, which can take long
   * @throws dev.casemate.base.CasemateException FAILED_PRECONDITION if this VMM or machine cannot
   *     read the state, INTERNAL or UNAVAILABLE if it is damaged
   */
  VirtualMachine restore(
      VmConfig config,
      VmSnapshot snapshot,
      List<Device.Disk> disks,
      Fd from,
      int timeoutMillis,
      Consumer<VmRecord> launched,
      VmListener listener);

  /** Kills the VM of a record, if it is still there, and removes its sockets. Never fails twice. */
  void cleanUp(VmRecord record);
}
