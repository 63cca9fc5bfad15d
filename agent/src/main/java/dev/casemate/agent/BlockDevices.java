package dev.casemate.agent;

import dev.casemate.linux.Fs;
import java.util.Optional;

/** Finds block devices by how the host names them. */
final class BlockDevices {
  private static final String DEVICES = "/sys/devices";

  private BlockDevices() {}

  /**
   * The device's node, {@code /dev/vda}, if it is there by now.
   *
   * @param source a PCI path, or a node's own path
   */
  static Optional<String> find(String source) {
    if (source.startsWith("/dev/")) {
      return Fs.exists(source) ? Optional.of(source) : Optional.empty();
    }
    return find(PciPath.parse(source));
  }

  static Optional<String> find(PciPath path) {
    Optional<String> name = path.sysfs(DEVICES).flatMap(BlockDevices::blockName);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    String node = "/dev/" + name.get();
    return Fs.exists(node) ? Optional.of(node) : Optional.empty();
  }

  /** The name in {@code PCI-DEVICE/virtioN/block/NAME}. */
  static Optional<String> blockName(String pciDevice) {
    for (String child : Fs.list(pciDevice)) {
      String block = pciDevice + "/" + child + "/block";
      if (child.startsWith("virtio") && Fs.exists(block)) {
        for (String name : Fs.list(block)) {
          return Optional.of(name);
        }
      }
    }
    return Optional.empty();
  }
}
