package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
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
      return ready(source);
    }
    return find(PciPath.parse(source));
  }

  static Optional<String> find(PciPath path) {
    Optional<String> name = path.sysfs(DEVICES).flatMap(BlockDevices::blockName);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    return ready("/dev/" + name.get());
  }

  /**
   * A node that can be opened. It is there a moment before its disk, whose coming the kernel tells
   * only then.
   */
  private static Optional<String> ready(String node) {
    try (Fd fd = Fs.open(node, OpenFlag.READ_ONLY | OpenFlag.NON_BLOCK)) {
      return fd.isOpen() ? Optional.of(node) : Optional.empty();
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENXIO || e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      // The call that uses the device reports what is wrong with it.
      return Optional.of(node);
    }
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
