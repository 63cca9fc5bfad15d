package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.protocol.GuestContract;
import java.util.Optional;

/** Finds and opens the virtio-serial port by its name (drivers/char/virtio_console.c). */
final class VirtioPort {
  static final String NAME = GuestContract.AGENT_PORT;
  private static final String CLASS = "/sys/class/virtio-ports";

  private VirtioPort() {}

  /** The port, non-blocking, once the driver knows its name. */
  static Optional<Fd> open() {
    if (!Fs.exists(CLASS)) {
      return Optional.empty();
    }
    for (String port : Fs.list(CLASS)) {
      String name;
      try {
        name = FileContent.readString(CLASS + "/" + port + "/name", 256).strip();
      } catch (LinuxException e) {
        // No name yet, or none at all.
        continue;
      }
      if (name.equals(NAME)) {
        return Optional.of(
            Fs.open("/dev/" + port, OpenFlag.READ_WRITE | OpenFlag.NON_BLOCK | OpenFlag.NO_CTTY));
      }
    }
    return Optional.empty();
  }
}
