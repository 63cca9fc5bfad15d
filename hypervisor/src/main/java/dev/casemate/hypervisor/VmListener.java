package dev.casemate.hypervisor;

/** Gets a VM's events, in order, on the VM's thread. */
public interface VmListener {
  void event(VmEvent event);

  /** A listener for callers that only look at {@link VirtualMachine#exit}. */
  VmListener NONE = event -> {};
}
