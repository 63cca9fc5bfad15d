package dev.casemate.qemu;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Json;
import dev.casemate.hypervisor.Device;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;

/**
 * Disks as QEMU gets them: opened by this process and passed in a descriptor set, so that QEMU
 * reaches no file by its path ({@code add-fd} in QEMU's manual).
 */
final class DiskFiles {
  /** The sets of disks that are plugged in; those of the start have the numbers below. */
  private static final int PLUGGED = 1000;

  private DiskFiles() {}

  /** The descriptor set of a disk in a hot-plug port. */
  static int set(int port) {
    return PLUGGED + port;
  }

  /**
   * Opens a disk for QEMU.
   *
   * @throws CasemateException NOT_FOUND if it is neither an image file nor a block device
   */
  static Fd open(String vmId, Device.Disk disk) {
    Fd file;
    try {
      // Non-blocking for the case that it is a FIFO after all: then opening it would wait.
      file =
          Fs.open(
              disk.path(),
              (disk.readOnly() ? OpenFlag.READ_ONLY : OpenFlag.READ_WRITE) | OpenFlag.NON_BLOCK);
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "VM " + vmId + ": disk \"" + disk.id() + "\" cannot be opened: " + e.getMessage(),
          e);
    }
    int type = Fs.stat(file).type();
    if (type != Stat.REGULAR && type != Stat.BLOCK) {
      file.close();
      throw CasemateException.of(
          Kind.NOT_FOUND,
          "VM "
              + vmId
              + ": disk \""
              + disk.id()
              + "\": \""
              + disk.path()
              + "\" is neither a regular file nor a block device: correct the path");
    }
    file.nonBlocking(false);
    return file;
  }

  /** Options of a raw image or block device whose descriptor is in a set. */
  static Json.Obj backend(Device.Disk disk, Fd file, int set) {
    boolean blockDevice = Fs.stat(file).type() == Stat.BLOCK;
    return new Json.Obj()
        .put("driver", "raw")
        .put("node-name", DeviceArguments.Backends.name(disk.id()))
        .put("read-only", disk.readOnly())
        .put(
            "file",
            new Json.Obj()
                .put("driver", blockDevice ? "host_device" : "file")
                .put("filename", "/dev/fdset/" + set)
                .put("read-only", disk.readOnly()));
  }

  /** Puts an open disk on the command line. */
  static void add(CommandLine line, Device.Disk disk, Fd file, int set) {
    line.add("-add-fd", "fd=" + line.descriptor(file) + ",set=" + set);
    line.add("-blockdev", backend(disk, file, set).text());
  }
}
