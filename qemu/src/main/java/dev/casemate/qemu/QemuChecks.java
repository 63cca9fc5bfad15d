package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Finding;
import dev.casemate.hypervisor.HostChecks;
import java.util.List;

/** What {@code casemate doctor} says of QEMU. */
final class QemuChecks {
  /** The oldest version that is tested. */
  private static final String MINIMUM_VERSION = "7.2";

  private static final String INSTALL = "apt-get install qemu-system-x86";

  private QemuChecks() {}

  /** QEMU, its version and its firmware. */
  static List<Finding> of(String configuredBinary) {
    String binary;
    String version;
    try {
      binary = QemuBinary.find(configuredBinary);
      version = QemuBinary.version(binary);
    } catch (CasemateException e) {
      String message = String.valueOf(e.getMessage());
      return List.of(
          Finding.failure(QemuDriver.NAME, "VMM", message, "no VM can be started", INSTALL));
    }
    String detail = binary + ", version " + version;
    String firmware = QemuBinary.firmware();
    return List.of(
        HostChecks.compareVersions(version, MINIMUM_VERSION) >= 0
            ? Finding.ok(QemuDriver.NAME, "VMM", detail)
            : Finding.failure(
                QemuDriver.NAME,
                "VMM",
                detail,
                "versions before " + MINIMUM_VERSION + " lack options that Casemate uses",
                INSTALL),
        firmware.isEmpty()
            ? Finding.warning(
                "firmware",
                "fast firmware (qboot)",
                "qboot.rom is not installed",
                "each VM starts about 0.1 s slower, by the VMM's default firmware",
                "apt-get install qemu-system-data")
            : Finding.ok("firmware", "fast firmware (qboot)", firmware));
  }
}
