package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Text;
import java.util.Optional;

/**
 * The root of a container that has the engine's mount namespace (runtime-spec config-linux.md: a
 * type that is not listed MUST be inherited): its mounts are the outside's and do not end with it.
 */
final class OuterRoot implements AutoCloseable {
  private static final int INFO_LIMIT = 4096;

  private final Optional<Fd> directory;

  private OuterRoot(Optional<Fd> directory) {
    this.directory = directory;
  }

  /** The root of a running container, if joining its namespaces does not lead there. */
  static OuterRoot of(ContainerRecord record) {
    return new OuterRoot(
        (record.namespaces() & Processes.CLONE_NEWNS) != 0
            ? Optional.empty()
            : Optional.of(
                Fs.open("/proc/" + record.pid() + "/root", OpenFlag.PATH | OpenFlag.DIRECTORY)));
  }

  Optional<Fd> directory() {
    return directory;
  }

  /**
   * The mount that the root file system's directory is on before the container is made; 0 if the
   * container has mounts of its own.
   */
  static long mountBelow(ContainerConfig config, Namespaces namespaces) {
    if (namespaces.has(Processes.CLONE_NEWNS)) {
      return 0;
    }
    try {
      return mount(Rootfs.path(config));
    } catch (LinuxException e) {
      throw Failures.of("root file system " + Rootfs.path(config), e);
    }
  }

  private static long mount(String path) {
    try (Fd directory = Fs.open(path, OpenFlag.PATH | OpenFlag.DIRECTORY)) {
      String info = FileContent.readString("/proc/self/fdinfo/" + directory.number(), INFO_LIMIT);
      for (String line : Text.split(info, '\n')) {
        if (line.startsWith("mnt_id:")) {
          return Long.parseLong(line.substring(7).strip());
        }
      }
    }
    throw Failures.internal("the kernel does not say which mount " + path + " is on");
  }

  /**
   * Takes a container's root away, with the mounts in it; nothing that was there before it.
   *
   * @param below as {@link #mountBelow} gave it
   */
  static void remove(String rootfs, long below) {
    if (below == 0) {
      return;
    }
    try {
      if (mount(rootfs) != below) {
        Mounts.unmount(rootfs, Mounts.DETACH | Mounts.UMOUNT_NOFOLLOW);
      }
    } catch (LinuxException e) {
      // The bundle was removed, or another process unmounted it.
      if (e.errno() != Errno.ENOENT && e.errno() != Errno.EINVAL) {
        throw Failures.of("unmounting " + rootfs, e);
      }
    }
  }

  @Override
  public void close() {
    directory.ifPresent(Fd::close);
  }
}
