package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.GuestAddress;
import dev.casemate.hypervisor.VirtualMachine;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Disks of a VM that come and go with its containers: block devices and image files of the host. A
 * disk that several containers want is there once.
 */
final class HotDisks {
  private static final int DETACH_MILLIS = 15_000;
  private static final String PREFIX = "disk";

  private final VirtualMachine vm;
  private final Consumer<String> warnings;
  private final Map<String, Plugged> byKey = new LinkedHashMap<>();
  private int count;

  /** A disk of the VM and what it is on the host. */
  record HostDisk(String deviceId, String path, boolean readOnly) {}

  private static final class Plugged {
    private final HostDisk disk;
    private final GuestAddress place;
    private int users = 1;

    private Plugged(HostDisk disk, GuestAddress place) {
      this.disk = disk;
      this.place = place;
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
   * @return where the guest has it, which also names it for {@link #release}
   * @throws CasemateException RESOURCE_EXHAUSTED if the VM has no place for one more
   */
  synchronized GuestAddress add(String hostPath, boolean readOnly) {
    String key = key(hostPath, readOnly);
    Plugged there = byKey.get(key);
    if (there != null) {
      there.users++;
      return there.place;
    }
    HostDisk disk = new HostDisk(PREFIX + count++, hostPath, readOnly);
    GuestAddress place = vm.attach(new Device.Disk(disk.deviceId(), hostPath, readOnly));
    byKey.put(key, new Plugged(disk, place));
    return place;
  }

  /** The same device may have several paths; two images never have the same inode. */
  private static String key(String hostPath, boolean readOnly) {
    Stat stat = Fs.stat(hostPath);
    return (stat.type() == Stat.BLOCK
            ? "b" + stat.deviceMajor() + ":" + stat.deviceMinor()
            : "f" + stat.filesystemMajor() + ":" + stat.filesystemMinor() + ":" + stat.inode())
        + (readOnly ? " ro" : " rw");
  }

  /** Takes note of a disk that a restored VM has already; returns where. */
  synchronized GuestAddress adopt(HostDisk disk) {
    GuestAddress place = vm.address(disk.deviceId());
    byKey.put(key(disk.path(), disk.readOnly()), new Plugged(disk, place));
    // The next one's name must be new.
    count = Math.max(count, number(disk.deviceId()) + 1);
    return place;
  }

  private static int number(String deviceId) {
    int number = 0;
    for (int i = PREFIX.length(); i < deviceId.length() && number < 1 << 20; i++) {
      number = number * 10 + Character.digit(deviceId.charAt(i), 10);
    }
    return number;
  }

  /** Those that the VM has, in the order in which they came. */
  synchronized List<HostDisk> all() {
    List<HostDisk> all = new ArrayList<>();
    for (Plugged plugged : byKey.values()) {
      all.add(plugged.disk);
    }
    return all;
  }

  /** One container less wants a disk; the last one takes it out of a VM that still runs. */
  synchronized void release(GuestAddress place) {
    for (Map.Entry<String, Plugged> entry : byKey.entrySet()) {
      Plugged plugged = entry.getValue();
      if (plugged.place.equals(place) && --plugged.users == 0) {
        byKey.remove(entry.getKey());
        if (vm.exit().isEmpty()) {
          try {
            vm.detach(plugged.disk.deviceId(), DETACH_MILLIS);
          } catch (CasemateException e) {
            // The host's file stays in use until the VM ends.
            warnings.accept(
                "the disk in slot " + place.text() + " cannot be removed: " + e.getMessage());
          }
        }
        return;
      }
    }
  }
}
