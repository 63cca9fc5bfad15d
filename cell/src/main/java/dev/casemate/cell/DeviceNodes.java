package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.oci.DeviceSpec;
import java.util.List;
import java.util.Optional;

/** The device nodes and links of a container's /dev (runtime-spec config-linux.md). */
final class DeviceNodes {
  private static final List<DeviceSpec> DEFAULTS =
      List.of(
          DeviceSpec.of("/dev/null", "c", 1, 3, 0666),
          DeviceSpec.of("/dev/zero", "c", 1, 5, 0666),
          DeviceSpec.of("/dev/full", "c", 1, 7, 0666),
          DeviceSpec.of("/dev/random", "c", 1, 8, 0666),
          DeviceSpec.of("/dev/urandom", "c", 1, 9, 0666),
          DeviceSpec.of("/dev/tty", "c", 5, 0, 0666));

  private static final int FILE_MODE = 0644;

  private final RootPaths paths;
  private final boolean bind;
  private final Maker maker;

  /** Makes the node of a device where a user namespace may make none. */
  interface Maker {
    /**
     * Makes it.
     *
     * @param number of the device in {@code linux.devices}
     * @return a mount of it; empty if it cannot be made
     */
    Optional<Fd> make(int number);
  }

  /**
   * Creates the maker.
   *
   * @param bind whether nodes are the outside's, bound: a user namespace may make none
   */
  DeviceNodes(RootPaths paths, boolean bind, Maker maker) {
    this.paths = paths;
    this.bind = bind;
    this.maker = maker;
  }

  /** The kind of file that a device is: {@code S_IF…}. */
  static int type(DeviceSpec device) {
    return switch (device.type()) {
      case "c", "u" -> Stat.CHARACTER;
      case "b" -> Stat.BLOCK;
      case "p" -> Stat.FIFO;
      default ->
          throw Failures.invalid(
              "linux.devices: "
                  + device.path()
                  + " has type \""
                  + device.type()
                  + "\"; use c, b, u or p");
    };
  }

  static int mode(DeviceSpec device) {
    return device.fileMode().orElse(0666) & 0xfff;
  }

  void makeDefaults() {
    try (Fd dev = paths.directory("/dev", 0755)) {
      for (DeviceSpec device : DEFAULTS) {
        make(dev, PathText.name(device.path()), device);
      }
      link(dev, "/proc/self/fd", "fd");
      link(dev, "/proc/self/fd/0", "stdin");
      link(dev, "/proc/self/fd/1", "stdout");
      link(dev, "/proc/self/fd/2", "stderr");
      link(dev, "/proc/kcore", "core");
      if (paths.find("/dev/pts/ptmx").map(DeviceNodes::close).orElse(false)) {
        try {
          Fs.unlinkAt(dev, "ptmx");
        } catch (LinuxException e) {
          if (e.errno() != Errno.ENOENT) {
            throw e;
          }
        }
        link(dev, "pts/ptmx", "ptmx");
      }
    } catch (LinuxException e) {
      throw Failures.of("making /dev", e);
    }
  }

  private static boolean close(Fd fd) {
    fd.close();
    return true;
  }

  private static void link(Fd directory, String target, String name) {
    try {
      Links.symlinkAt(target, directory, name);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
    }
  }

  void make(List<DeviceSpec> devices) {
    for (int i = 0; i < devices.size(); i++) {
      DeviceSpec device = devices.get(i);
      String path = PathText.clean(device.path());
      if (path.equals("/")) {
        throw Failures.invalid(
            "linux.devices: path \"" + device.path() + "\" is no file; name one");
      }
      if (path.equals("/dev/ptmx")) {
        // Engines pass on all the host has, this too: the link to the container's own is the one.
        continue;
      }
      if (bind && type(device) != Stat.FIFO) {
        Optional<Fd> node = maker.make(i);
        if (node.isPresent()) {
          try (Fd tree = node.get()) {
            attach(tree, device);
          } catch (LinuxException e) {
            throw Failures.of("making device " + device.path(), e);
          }
          continue;
        }
      }
      try (Fd directory = paths.directory(PathText.parent(path), 0755)) {
        make(directory, PathText.name(path), device);
      } catch (LinuxException e) {
        throw Failures.of("making device " + device.path(), e);
      }
    }
  }

  private void make(Fd directory, String name, DeviceSpec device) {
    int type = type(device);
    if (bind && type != Stat.FIFO) {
      bind(device);
      return;
    }
    try {
      Fs.makeNodeAt(directory, name, type | mode(device), device.major(), device.minor());
    } catch (LinuxException e) {
      if (e.errno() == Errno.EPERM && type != Stat.FIFO) {
        bind(device);
        return;
      }
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
      Stat stat = Fs.lstatAt(directory, name);
      if (stat.type() != type
          || stat.deviceMajor() != device.major()
          || stat.deviceMinor() != device.minor()) {
        throw Failures.precondition(
            device.path() + " exists in the image and is another file; remove it there");
      }
    }
    if (device.uid().isPresent() || device.gid().isPresent()) {
      Fs.chownAt(directory, name, device.uid().orElse(0), device.gid().orElse(0));
    }
  }

  /** Puts the outside's node of the same path over an empty file. */
  private void bind(DeviceSpec device) {
    try (Fd source = Fs.open(device.path(), OpenFlag.PATH);
        Fd tree = Mounts.openTree(source, "", Mounts.OPEN_TREE_CLONE)) {
      attach(tree, device);
    }
  }

  private void attach(Fd tree, DeviceSpec device) {
    try (Fd target = paths.file(device.path(), FILE_MODE)) {
      if (ProcMounts.isProc(target)) {
        throw Failures.invalid(
            "linux.devices: " + device.path() + " is inside of a /proc, where no device may be");
      }
      Mounts.moveMount(tree, target);
    }
  }
}
