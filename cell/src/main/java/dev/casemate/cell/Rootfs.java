package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.Spec;
import java.util.LinkedHashSet;
import java.util.List;

/**
 * Builds a container's root in its new mount namespace and makes it the root. Runs in the
 * container's first process. Mounts are made and moved by descriptors: no path is walked twice.
 */
final class Rootfs {
  private static final int DEVICE_NULL_MAJOR = 1;
  private static final int DEVICE_NULL_MINOR = 3;

  private final Spec spec;
  private final LinuxSpec linux;
  private final RootPaths paths;
  private final String hostRoot;
  private final Namespaces namespaces;
  private final MountMaker maker;
  private final Outside outside;

  private Rootfs(
      ContainerConfig config, Namespaces namespaces, Outside outside, String hostRoot, Fd root) {
    this.namespaces = namespaces;
    this.spec = config.spec();
    this.linux = spec.linux();
    this.hostRoot = hostRoot;
    this.paths = new RootPaths(root);
    this.outside = outside;
    this.maker = new MountMaker(config, paths, namespaces, outside);
  }

  static String path(ContainerConfig config) {
    String path = config.spec().root().path();
    return path.startsWith("/") ? path : config.bundle() + "/" + path;
  }

  private static long propagation(String word) {
    return switch (word) {
      case "" -> 0;
      case "private" -> Mounts.PRIVATE;
      case "rprivate" -> Mounts.PRIVATE | Mounts.REC;
      case "slave" -> Mounts.SLAVE;
      case "rslave" -> Mounts.SLAVE | Mounts.REC;
      case "shared" -> Mounts.SHARED;
      case "rshared" -> Mounts.SHARED | Mounts.REC;
      case "unbindable" -> Mounts.UNBINDABLE;
      case "runbindable" -> Mounts.UNBINDABLE | Mounts.REC;
      default ->
          throw Failures.invalid(
              "linux.rootfsPropagation \""
                  + word
                  + "\" is unknown; use private, slave, shared or unbindable, or with an r before");
    };
  }

  private static boolean isShared(LinuxSpec linux) {
    return (propagation(linux.rootfsPropagation()) & Mounts.SHARED) != 0;
  }

  /** Binds the root onto itself, so that it is a mount, and opens it. */
  static Rootfs open(ContainerConfig config, Namespaces namespaces, Outside outside) {
    String path = path(config);
    LinuxSpec linux = config.spec().linux();
    boolean own = namespaces.has(Processes.CLONE_NEWNS);
    if (!own) {
      // The outside's mounts stay as they are.
    } else if (isShared(linux)) {
      // The mounts stay peers of the outside's, but for the one that pivot_root is about to leave.
      makeParentPrivate(path);
    } else {
      // What is mounted outside later arrives here; what is mounted here stays here.
      Mounts.mount("", "/", "", Mounts.SLAVE | Mounts.REC, "");
    }
    Fd tree;
    try (Fd target = directory(path, outside)) {
      tree = Mounts.openTree(target, "", Mounts.OPEN_TREE_CLONE | Mounts.AT_RECURSIVE);
      Mounts.moveMount(tree, target);
      if (!own) {
        // Else each mount in it would be one at the directory that it was copied from, too.
        Mounts.setAttributes(tree, true, 0, 0, Mounts.PRIVATE, 0);
      }
    } catch (LinuxException e) {
      throw Failures.of("root file system " + path, e);
    }
    return new Rootfs(config, namespaces, outside, path, tree);
  }

  private static Fd directory(String path, Outside outside) {
    try {
      return Fs.open(path, OpenFlag.PATH | OpenFlag.DIRECTORY);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EACCES) {
        throw e;
      }
      // Above it a directory is closed to the container's root, but not to the engine.
      return outside.open(Outside.ROOT);
    }
  }

  private static void makeParentPrivate(String path) {
    String best = "/";
    boolean shared = false;
    String clean = PathText.clean(path);
    for (Mounts.Info mount : Mounts.list()) {
      String target = mount.target();
      boolean above = target.equals("/") || clean.equals(target) || clean.startsWith(target + "/");
      if (above && target.length() >= best.length()) {
        best = target;
        shared = mount.optional().contains("shared:");
      }
    }
    if (shared) {
      Mounts.mount("", best, "", Mounts.PRIVATE, "");
    }
  }

  RootPaths paths() {
    return paths;
  }

  /** Makes the mounts of the spec, in its order, and the devices. */
  void mount() {
    for (int i = 0; i < spec.mounts().size(); i++) {
      maker.mount(i);
    }
    if (!maker.boundDev()) {
      boolean bindDevices = namespaces.has(Processes.CLONE_NEWUSER);
      DeviceNodes nodes = new DeviceNodes(paths, bindDevices, outside::device);
      nodes.makeDefaults();
      nodes.make(linux.devices());
    }
  }

  /** Hides and protects paths; the last thing that is mounted. */
  void protect() {
    maker.finish();
    if (!linux.maskedPaths().isEmpty()) {
      mask(linux.maskedPaths());
    }
    for (String path : linux.readonlyPaths()) {
      checkAbsolute("readonlyPaths", path);
      Fd target = paths.find(path).orElse(null);
      if (target == null) {
        continue;
      }
      try (target;
          Fd tree = Mounts.openTree(target, "", Mounts.OPEN_TREE_CLONE | Mounts.AT_RECURSIVE)) {
        Mounts.setAttributes(tree, false, NewMount.ATTR_RDONLY, 0, 0, 0);
        Mounts.moveMount(tree, target);
      } catch (LinuxException e) {
        throw Failures.of("read-only path " + path, e);
      }
    }
  }

  private static void checkAbsolute(String field, String path) {
    if (!path.startsWith("/")) {
      throw Failures.invalid("linux." + field + ": \"" + path + "\" must be an absolute path");
    }
  }

  private void mask(List<String> masked) {
    Fd empty = null;
    try (Fd nothing = Fs.open("/dev/null", OpenFlag.PATH | OpenFlag.NO_FOLLOW)) {
      Stat stat = Fs.stat(nothing);
      if (stat.type() != Stat.CHARACTER
          || stat.deviceMajor() != DEVICE_NULL_MAJOR
          || stat.deviceMinor() != DEVICE_NULL_MINOR) {
        throw Failures.precondition("/dev/null is not the null device; linux.maskedPaths needs it");
      }
      for (String path : new LinkedHashSet<>(masked)) {
        checkAbsolute("maskedPaths", path);
        Fd target = paths.find(path).orElse(null);
        if (target == null) {
          continue;
        }
        try (target) {
          if (!Fs.stat(target).isDirectory()) {
            try (Fd tree = Mounts.openTree(nothing, "", Mounts.OPEN_TREE_CLONE)) {
              Mounts.moveMount(tree, target);
            }
          } else if (empty == null) {
            empty = NewMount.create("tmpfs", "tmpfs", List.of("nr_inodes=1"), NewMount.ATTR_RDONLY);
            Mounts.moveMount(empty, target);
          } else {
            try (Fd tree = Mounts.openTree(empty, "", Mounts.OPEN_TREE_CLONE)) {
              Mounts.moveMount(tree, target);
            }
          }
        } catch (LinuxException e) {
          throw Failures.of("masked path " + path, e);
        }
      }
    } finally {
      if (empty != null) {
        empty.close();
      }
    }
  }

  /** Makes the working directory if it is missing, as users of WORKDIR expect. */
  void makeWorkingDirectory(String cwd) {
    try {
      paths.directory(cwd, 0755).close();
    } catch (LinuxException e) {
      if (e.errno() != Errno.EROFS && e.errno() != Errno.EACCES && e.errno() != Errno.EEXIST) {
        throw Failures.of("working directory " + cwd, e);
      }
      // The change to it says what is wrong with it.
    }
  }

  /** Makes the tree the root of this process and its mount namespace; the old one is gone. */
  void enter(boolean noPivot) {
    Fd root = paths.root();
    if (spec.root().readonly()) {
      Mounts.setAttributes(root, false, NewMount.ATTR_RDONLY, 0, 0, 0);
    }
    try (Fd old = Fs.open("/", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      Processes.changeDirectory(root);
      if (!namespaces.has(Processes.CLONE_NEWNS)) {
        Processes.changeRoot(".");
      } else if (!noPivot && pivot()) {
        Processes.changeDirectory(old);
        if (isShared(linux)) {
          // Else the unmount below would reach the outside.
          Mounts.mount("", ".", "", Mounts.SLAVE | Mounts.REC, "");
        }
        Mounts.unmount(".", Mounts.DETACH);
      } else {
        hideKernelFiles();
        Mounts.mount(".", "/", "", Mounts.MOVE, "");
        Processes.changeRoot(".");
      }
    } catch (LinuxException e) {
      throw Failures.of("entering the root file system " + hostRoot, e);
    }
    root.close();
    Processes.changeDirectory("/");
    long flags = propagation(linux.rootfsPropagation());
    if (flags != 0) {
      Mounts.mount("", "/", "", flags, "");
    }
  }

  /**
   * Takes the outside's /proc and /sys away, for a root that is moved: they would stay in the mount
   * namespace, whole and unmasked, and the kernel lets everybody who makes a user namespace mount
   * what there is unmasked already.
   */
  private void hideKernelFiles() {
    String own = PathText.clean(hostRoot);
    for (Mounts.Info mount : Mounts.list()) {
      String target = mount.target();
      boolean whole =
          mount.root().equals("/")
              && (mount.fstype().equals("proc") || mount.fstype().equals("sysfs"));
      if (!whole || target.equals(own) || target.startsWith(own + "/")) {
        continue;
      }
      try {
        hide(target);
      } catch (LinuxException e) {
        // What is covered by another mount, or was below one that is gone, cannot be reached.
        if (e.errno() != Errno.ENOENT) {
          throw Failures.of("hiding " + target, e);
        }
      }
    }
  }

  private static void hide(String target) {
    // Else the unmount would reach the outside.
    Mounts.mount("", target, "", Mounts.SLAVE | Mounts.REC, "");
    try {
      Mounts.unmount(target, Mounts.DETACH);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.EPERM) {
        throw e;
      }
      // Mounts that a user namespace has got from the outside stay; they can be covered.
      Mounts.mount("tmpfs", target, "tmpfs", Mounts.RDONLY, "");
    }
  }

  /** False if the present root cannot be pivoted away, as that of an initramfs. */
  private static boolean pivot() {
    try {
      Mounts.pivotRoot(".", ".");
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.EINVAL) {
        return false;
      }
      throw e;
    }
  }
}
