package dev.casemate.agent;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Text;

/**
 * The agent's own root: a tmpfs that is moved over the initramfs. {@code pivot_root(2)} refuses to
 * put the initramfs away, so containers, which pivot, need another root above it.
 */
final class BootMounts {
  static final String CGROUP_ROOT = "/sys/fs/cgroup";
  private static final String NEW_ROOT = "/newroot";
  private static final String[] DIRECTORIES = {
    "/proc", "/sys", "/dev", "/run", "/tmp", "/etc", "/mnt"
  };

  private BootMounts() {}

  /** Mounts what the guest needs and makes the tmpfs the root. */
  static void mountAll() {
    makeDirectory(NEW_ROOT, 0755);
    Mounts.mount("root", NEW_ROOT, "tmpfs", 0, "mode=0755");
    for (String directory : DIRECTORIES) {
      makeDirectory(NEW_ROOT + directory, directory.equals("/tmp") ? 01777 : 0755);
    }
    Mounts.mount(
        "sysfs", NEW_ROOT + "/sys", "sysfs", Mounts.NOSUID | Mounts.NODEV | Mounts.NOEXEC, "");
    Mounts.mount("dev", NEW_ROOT + "/dev", "devtmpfs", Mounts.NOSUID, "mode=0755");
    makeDirectory(NEW_ROOT + "/dev/pts", 0755);
    makeDirectory(NEW_ROOT + "/dev/shm", 01777);
    Mounts.mount(
        "devpts",
        NEW_ROOT + "/dev/pts",
        "devpts",
        Mounts.NOSUID | Mounts.NOEXEC,
        "gid=5,mode=620,ptmxmode=666");
    Mounts.mount(
        "cgroup2",
        NEW_ROOT + CGROUP_ROOT,
        "cgroup2",
        Mounts.NOSUID | Mounts.NODEV | Mounts.NOEXEC,
        "");
    // Mounted by the C constructor before the runtime starts.
    Mounts.mount("/proc", NEW_ROOT + "/proc", "", Mounts.MOVE, "");
    // A process that opens /proc/PID/exe of the agent's children cannot write to the agent.
    try {
      Mounts.mount("", "/", "", Mounts.REMOUNT | Mounts.BIND | Mounts.RDONLY, "");
    } catch (LinuxException e) {
      // Only a second line of defence.
    }
    Processes.changeDirectory(NEW_ROOT);
    Mounts.mount(".", "/", "", Mounts.MOVE, "");
    Processes.changeRoot(".");
    Processes.changeDirectory("/");
    enableControllers();
  }

  /** PID 1 stays in the root cgroup, which may have processes and controllers at once. */
  private static void enableControllers() {
    StringBuilder all = new StringBuilder();
    String controllers = FileContent.readString(CGROUP_ROOT + "/cgroup.controllers", 4096);
    for (String controller : Text.split(controllers.strip(), ' ')) {
      all.append(all.isEmpty() ? "+" : " +").append(controller);
    }
    if (!all.isEmpty()) {
      FileContent.writeControl(CGROUP_ROOT + "/cgroup.subtree_control", all.toString());
    }
  }

  /**
   * Standard streams are the console; without it, the null device, so that numbers 0 to 2 are
   * taken.
   */
  static void standardStreams() {
    for (int number = 0; number <= 2; number++) {
      if (!Fd.isValid(number)) {
        openLowest(number);
      }
    }
  }

  private static void openLowest(int number) {
    Fd fd = Fs.open("/dev/null", OpenFlag.READ_WRITE | OpenFlag.NO_CTTY);
    if (fd.number() == number) {
      fd.closeOnExec(false);
      fd.release();
    } else {
      fd.close();
    }
  }

  private static void makeDirectory(String path, int mode) {
    try {
      Fs.makeDirectory(path, mode);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
    }
  }
}
