package dev.casemate.hypervisor;

import dev.casemate.hypervisor.VmEvent.ShutdownReason;
import java.util.Optional;

/**
 * How a VMM's process ended.
 *
 * @param exitStatus exit code, or 128 + signal; empty if the process was another's child
 * @param reason the reason that the VMM reported; UNKNOWN if it reported none
 * @param message what the VMM wrote to standard error, its last 8 KiB, trimmed
 * @param panic the guest kernel's last words ({@code Kernel panic - not syncing: …}) if its console
 *     ends with such, printable ASCII, up to 200 characters; empty otherwise
 */
public record VmExit(
    Optional<Integer> exitStatus, ShutdownReason reason, String message, String panic) {

  /** One line for an error message. */
  public String describe() {
    if (!panic.isEmpty()) {
      return "the guest kernel panicked: " + panic;
    }
    if (!message.isEmpty()) {
      return "the VMM ended" + status() + ": " + message.replace('\n', ' ').replace('\r', ' ');
    }
    return switch (reason) {
      case GUEST_RESET -> "the guest restarted, which ends the VM";
      case GUEST_SHUTDOWN -> "the guest shut down";
      case GUEST_PANIC -> "the guest kernel panicked";
      case HOST_QUIT -> "the VMM was asked to quit";
      case HOST_SIGNAL, HOST_ERROR, UNKNOWN -> "the VMM ended" + status();
    };
  }

  private String status() {
    if (exitStatus.isEmpty()) {
      return "";
    }
    int status = exitStatus.get();
    return status > 128 ? " by signal " + (status - 128) : " with status " + status;
  }
}
