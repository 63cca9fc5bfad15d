package dev.casemate.sandbox;

import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import dev.casemate.oci.CasemateException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Disks of a VM that come and go with its containers: block devices and image files of the host. A
 * disk that several containers want is there once.
 */
final class HotDisks {
  private static final int DETACH_MILLIS = 15_000;

  private final VirtualMachine vm;
  private final Consumer<String> warnings;
  private final Map<String, Plugged> byKey = new LinkedHashMap<>();
  private int count;

  private static final class Plugged {
    private final String deviceId;
    private final String pciPath;
    private int users = 1;

    private Plugged(String deviceId, String pciPath) {
      this.deviceId = deviceId;
      this.pciPath = pciPath;
    }
  }

  HotDisks(VirtualMachine vm, Consumer<String> warnings) {
    this.vm = vm;
    this.warnings = warnings;
  }

  /**
   * Plugs a disk in.
   *
   * @param hostPath a block device, or a file that holds a raw image
   * @return its PCI path in the guest, which also names it for {@link #release}
   * @throws CasemateException RESOURCE_EXHAUSTED if the VM has no place for one more
   */
  synchronized String add(String hostPath, boolean readOnly) {
    Stat stat = Fs.stat(hostPath);
    // The same device may have several paths; two images never have the same inode.
    String key =
        (stat.type() == Stat.BLOCK
                ? "b" + stat.deviceMajor() + ":" + stat.deviceMinor()
                : "f" + stat.filesystemMajor() + ":" + stat.filesystemMinor() + ":" + stat.inode())
            + (readOnly ? " ro" : " rw");
    Plugged there = byKey.get(key);
    if (there != null) {
      there.users++;
      return there.pciPath;
    }
    String deviceId = "disk" + count++;
    String pciPath = vm.attach(new Device.Disk(deviceId, hostPath, readOnly));
    byKey.put(key, new Plugged(deviceId, pciPath));
    return pciPath;
  }

  /** One container less wants a disk; the last one takes it out of a VM that still runs. */
  synchronized void release(String pciPath) {
    for (Map.Entry<String, Plugged> entry : byKey.entrySet()) {
      Plugged disk = entry.getValue();
      if (disk.pciPath.equals(pciPath) && --disk.users == 0) {
        byKey.remove(entry.getKey());
        if (vm.exit().isEmpty()) {
          try {
            vm.detach(disk.deviceId, DETACH_MILLIS);
          } catch (CasemateException e) {
            // The host's file stays in use until the VM ends.
            warnings.accept("disk of slot " + pciPath + " stays: " + e.getMessage());
          }
        }
        return;
      }
    }
  }
}
