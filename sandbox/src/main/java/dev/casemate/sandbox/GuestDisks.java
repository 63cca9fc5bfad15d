package dev.casemate.sandbox;

import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.protocol.agent.Device;
import dev.casemate.protocol.agent.Storage;

/** How the agent is told of a disk, by where the guest has it. The names of drivers are Kata's. */
final class GuestDisks {
  private GuestDisks() {}

  private static String driver(GuestAddress place) {
    return switch (place) {
      case GuestAddress.PciPath _ -> "blk";
      case GuestAddress.Mmio _ -> "mmioblk";
      case GuestAddress.Ccw _ -> "blk-ccw";
    };
  }

  /** Something to mount; file system, options and place are still missing. */
  static Storage.Builder storage(GuestAddress place) {
    return Storage.builder().driver(driver(place)).source(place.text());
  }

  /** A node in a container; its path is still missing. */
  static Device.Builder device(GuestAddress place) {
    Device.Builder device = Device.builder().type(driver(place));
    return place instanceof GuestAddress.Mmio
        ? device.vmPath(place.text())
        : device.id(place.text());
  }
}
