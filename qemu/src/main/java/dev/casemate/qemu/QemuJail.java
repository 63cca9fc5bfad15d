package dev.casemate.qemu;

import dev.casemate.hypervisor.Accelerator;
import dev.casemate.hypervisor.Device;
import dev.casemate.hypervisor.VmConfig;
import dev.casemate.jail.JailLimits;
import dev.casemate.jail.JailRoot;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What QEMU finds in its jail: itself, its libraries and accelerator, its firmware, the guest's
 * kernel and initramfs, and the devices that it opens by path. Disks, sockets, TAPs and vhost
 * devices come as descriptors.
 */
final class QemuJail {
  /** Where the guest's kernel and initramfs lie in the jail, whatever they are called outside. */
  static final String KERNEL = "/guest/kernel";

  static final String INITRAMFS = "/guest/initramfs";

  /** Where the guest's memory lies if it is a file. */
  static final String MEMORY = "/memory";

  /** Largest image file that can be plugged in later: what QEMU may write to is limited. */
  static final long HOT_PLUGGED_BYTES = 1L << 42;

  private static final String OVERCOMMIT = "/proc/sys/vm/overcommit_memory";
  private static final int OPEN_FILES = 1024;

  /** Programs that the guest's processor runs before the kernel, and option ROMs. */
  private static final List<String> DATA =
      List.of(
          "qboot.rom",
          "bios-256k.bin",
          "bios-microvm.bin",
          "pvh.bin",
          "kvmvapic.bin",
          "linuxboot.bin",
          "linuxboot_dma.bin");

  private QemuJail() {}

  static JailRoot root(String binary, String firmware, VmConfig config, Accelerator accelerator) {
    String prefix = prefix(binary);
    JailRoot root = new JailRoot().program(binary, accelerators(prefix));
    Set<String> directories = new LinkedHashSet<>();
    directories.add(prefix + "/share/qemu");
    directories.add(prefix + "/share/seabios");
    directories.add("/usr/share/qemu");
    directories.add("/usr/share/seabios");
    for (String directory : directories) {
      for (String name : DATA) {
        String path = directory + "/" + name;
        if (Fs.exists(path)) {
          root.file(path, path);
        }
      }
    }
    if (!firmware.isEmpty()) {
      root.file(firmware, firmware);
    }
    root.file(config.kernel(), KERNEL);
    if (!config.initramfs().isEmpty()) {
      root.file(config.initramfs(), INITRAMFS);
    }
    // QEMU asks it before it maps memory that the VM may grow into.
    root.file(OVERCOMMIT, OVERCOMMIT);
    root.device("/dev/null").device("/dev/urandom");
    if (accelerator.kind() == Accelerator.Kind.KVM) {
      root.device("/dev/kvm");
    }
    return root;
  }

  /** {@code /usr} of {@code /usr/bin/qemu-system-x86_64}. */
  private static String prefix(String binary) {
    String directory = binary.substring(0, Math.max(0, binary.lastIndexOf('/')));
    return directory.substring(0, Math.max(0, directory.lastIndexOf('/')));
  }

  /** Distributions build the accelerators as plug-ins; the others that there are stay outside. */
  private static List<String> accelerators(String prefix) {
    List<String> found = new ArrayList<>();
    for (String folder : List.of("/lib/x86_64-linux-gnu/qemu", "/lib/qemu", "/lib64/qemu")) {
      if (!Fs.exists(prefix + folder)) {
        continue;
      }
      for (String name : Fs.list(prefix + folder)) {
        if (name.startsWith("accel-") && name.endsWith("-x86_64.so")) {
          found.add(prefix + folder + "/" + name);
        }
      }
    }
    return found;
  }

  static JailLimits limits(VmConfig config) {
    long bytes = (long) config.maxMemoryMib() << 20;
    for (Device device : config.devices()) {
      if (device instanceof Device.Disk disk) {
        bytes = Math.max(bytes, size(disk));
      }
    }
    if (config.hotplugPorts() > 0) {
      bytes = Math.max(bytes, HOT_PLUGGED_BYTES);
    }
    return new JailLimits(bytes, OPEN_FILES);
  }

  private static long size(Device.Disk disk) {
    return Fs.statIfExists(disk.path()).filter(Stat::isRegular).map(Stat::size).orElse(0L);
  }
}
