package dev.casemate.qemu;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress;

/**
 * A device in its place.
 *
 * @param port index of the hot-plug port; −1 for a device of the start
 */
record Placement(String deviceId, Kind kind, GuestAddress.PciPath address, int port) {
  /** What is there, as far as its host half differs. */
  enum Kind {
    DISK,
    NIC,
    SHARE,
    CHANNEL;

    static Kind of(Device device) {
      return switch (device) {
        case Device.Disk _ -> DISK;
        case Device.Nic _ -> NIC;
        case Device.FileShare _ -> SHARE;
        case Device.Channel _ -> CHANNEL;
      };
    }
  }

  /** Whether it came after the start. */
  boolean isPlugged() {
    return port >= 0;
  }
}
