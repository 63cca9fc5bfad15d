package dev.casemate.hypervisor;

/** What happens to a VM without a command of its owner. */
public sealed interface VmEvent {
  /** The guest is over; the VMM's process is about to end. */
  record Shutdown(ShutdownReason reason) implements VmEvent {}

  /** The vCPUs stopped: paused, or an error such as a full disk. */
  record Stopped() implements VmEvent {}

  record Resumed() implements VmEvent {}

  /** The guest has released a device. */
  record DeviceDeleted(String deviceId) implements VmEvent {}

  /** The VMM's process has ended; always the last event. */
  record Exited(VmExit exit) implements VmEvent {}

  /** Why a guest is over. */
  enum ShutdownReason {
    /** The guest restarted, which ends the VM: the agent's way to end. */
    GUEST_RESET,
    GUEST_SHUTDOWN,
    GUEST_PANIC,
    /** The owner asked the VMM to quit. */
    HOST_QUIT,
    /** The VMM got a signal. */
    HOST_SIGNAL,
    HOST_ERROR,
    UNKNOWN
  }
}
