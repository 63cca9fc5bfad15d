package dev.casemate.cgroup;

import dev.casemate.base.Failures;
import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;

/** Finds out how control groups are laid out here, and where a container's are to be. */
public final class Cgroups {
  static final String MOUNT_POINT = "/sys/fs/cgroup";

  /** Where version 2 is mounted beside version 1. */
  public static final String UNIFIED = MOUNT_POINT + "/unified";

  private static final long CGROUP2_MAGIC = 0x63677270L;
  private static final int FILE_LIMIT = 256 * 1024;

  private Cgroups() {}

  /** How control groups are laid out (systemd's docs, "Control Group APIs and Delegation"). */
  public enum Layout {
    /** Version 2 alone. */
    UNIFIED,
    /** Version 1 alone. */
    LEGACY,
    /** Version 1, and version 2 without most controllers at {@code /sys/fs/cgroup/unified}. */
    HYBRID,
    NONE
  }

  public static Layout layout() {
    if (isVersion2(MOUNT_POINT)) {
      return Layout.UNIFIED;
    }
    if (isVersion2(UNIFIED)) {
      return Layout.HYBRID;
    }
    return Fs.exists(MOUNT_POINT + "/memory/cgroup.procs")
            || Fs.exists(MOUNT_POINT + "/freezer/cgroup.procs")
            || Fs.exists(MOUNT_POINT + "/systemd/cgroup.procs")
        ? Layout.LEGACY
        : Layout.NONE;
  }

  private static boolean isVersion2(String path) {
    try {
      return FileSystem.of(path).type() == CGROUP2_MAGIC;
    } catch (LinuxException e) {
      return false;
    }
  }

  /**
   * The control group of a container; nothing is made yet.
   *
   * @param cgroupsPath of the spec: an absolute path starts at the root of each hierarchy, a
   *     relative one at the group of this process (version 2: at the one above, because a group
   *     with processes can have no controlled ones below it), an empty one is the id, relative
   * @param rootless whether the container does without where this process may make none, as that of
   *     an ordinary user; one that is named by a path is an error then
   */
  public static Cgroup of(String cgroupsPath, String id, boolean rootless) {
    check(cgroupsPath);
    boolean optional = rootless && cgroupsPath.isEmpty();
    String wanted = cgroupsPath.isEmpty() ? id : cgroupsPath;
    return switch (layout()) {
      case NONE -> none(optional);
      case UNIFIED -> unified(wanted, optional);
      case LEGACY -> legacy(wanted, "", optional);
      case HYBRID -> legacy(wanted, UNIFIED, optional);
    };
  }

  private static void check(String cgroupsPath) {
    int first = cgroupsPath.indexOf(':');
    if (!cgroupsPath.startsWith("/") && first >= 0 && cgroupsPath.indexOf(':', first + 1) >= 0) {
      throw Failures.invalid(
          "linux.cgroupsPath \""
              + cgroupsPath
              + "\" is of systemd's form slice:prefix:name, and there is no systemd driver; use a"
              + " path, and the engine's cgroupfs driver");
    }
    if (cgroupsPath.indexOf('\n') >= 0 || cgroupsPath.indexOf('\0') >= 0) {
      throw Failures.invalid(
          "linux.cgroupsPath contains a character that is not allowed in a path; correct it");
    }
  }

  private static Cgroup none(boolean optional) {
    if (optional) {
      return Cgroup.none();
    }
    throw Failures.precondition(
        "no control groups are mounted at " + MOUNT_POINT + "; mount cgroup2 there");
  }

  private static Cgroup unified(String wanted, boolean optional) {
    String path = wanted;
    if (!path.startsWith("/")) {
      path = PathText.parent(ownGroup(lines(), "")) + "/" + path;
    }
    CgroupV2 group = new CgroupV2(MOUNT_POINT, path);
    return optional ? new OptionalCgroup(group) : group;
  }

  private static Cgroup legacy(String wanted, String unified, boolean optional) {
    List<CgroupV1.Hierarchy> hierarchies = new ArrayList<>();
    for (String line : lines()) {
      int first = line.indexOf(':');
      int second = line.indexOf(':', first + 1);
      if (first < 0 || second <= first + 1) {
        continue;
      }
      String controllers = line.substring(first + 1, second);
      String mount = MOUNT_POINT + "/" + folder(controllers);
      if (!Fs.exists(mount + "/cgroup.procs")) {
        continue;
      }
      String path = PathText.clean(wanted);
      if (!wanted.startsWith("/")) {
        String own = line.substring(second + 1);
        // In a container that has no cgroup namespace the mount shows only what is below.
        boolean shown = own.length() > 1 && Fs.exists(mount + own + "/cgroup.procs");
        path = (shown ? PathText.clean(own) : "") + path;
      }
      if (path.equals("/")) {
        throw Failures.invalid(
            "linux.cgroupsPath \"" + wanted + "\" is the root; name a group below it");
      }
      hierarchies.add(new CgroupV1.Hierarchy(controllers, mount, path));
    }
    if (hierarchies.isEmpty()) {
      return none(optional);
    }
    return new CgroupV1(
        hierarchies, unified.isEmpty() ? "" : unified + beside(unified, wanted), optional);
  }

  /** Path of the group of version 2, which is mounted beside version 1. */
  private static String beside(String mount, String wanted) {
    String path = PathText.clean(wanted);
    if (wanted.startsWith("/")) {
      return path;
    }
    String own = ownGroup(lines(), "");
    return own.length() > 1 && Fs.exists(mount + own + "/cgroup.procs") ? own + path : path;
  }

  private static List<String> lines() {
    return Text.split(FileContent.readString("/proc/self/cgroup", FILE_LIMIT), '\n');
  }

  private static String ownGroup(List<String> lines, String controllers) {
    for (String line : lines) {
      int first = line.indexOf(':');
      int second = line.indexOf(':', first + 1);
      if (first >= 0 && second > first && line.substring(first + 1, second).equals(controllers)) {
        return PathText.clean(line.substring(second + 1));
      }
    }
    return "/";
  }

  /** Name of a hierarchy's directory: a list of controllers, or that of a named one. */
  static String folder(String controllers) {
    return controllers.startsWith("name=") ? controllers.substring(5) : controllers;
  }

  /** Whether a failure is one that an ordinary user meets where nothing is delegated to it. */
  public static boolean isRefusal(int errno) {
    return errno == Errno.EACCES || errno == Errno.EPERM || errno == Errno.EROFS;
  }
}
