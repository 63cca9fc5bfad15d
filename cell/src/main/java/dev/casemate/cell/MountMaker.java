package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.PathText;
import dev.casemate.cgroup.Cgroups;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import dev.casemate.oci.MountSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes one mount after the other in a container's root. */
final class MountMaker {
  private static final int DIRECTORY_MODE = 0755;
  private static final int FILE_MODE = 0644;
  private static final String CGROUP_ROOT = "/sys/fs/cgroup";
  private static final long LOCKABLE =
      NewMount.ATTR_RDONLY | NewMount.ATTR_NOSUID | NewMount.ATTR_NODEV | NewMount.ATTR_NOEXEC;
  private static final long NOT_LOCKABLE = NewMount.ATTR_NOSYMFOLLOW;
  private static final long TIMES = NewMount.ATTR_ATIME | NewMount.ATTR_NODIRATIME;

  private final ContainerConfig config;
  private final RootPaths paths;
  private final Namespaces namespaces;
  private final Outside outside;
  private final List<Fd> readOnlyLater = new ArrayList<>();
  private boolean boundDev;

  MountMaker(ContainerConfig config, RootPaths paths, Namespaces namespaces, Outside outside) {
    this.config = config;
    this.paths = paths;
    this.namespaces = namespaces;
    this.outside = outside;
  }

  /** Whether /dev is the outside's: then no devices are made in it. */
  boolean boundDev() {
    return boundDev;
  }

  /** Makes the mount of this place in {@code mounts}. */
  void mount(int number) {
    MountSpec mount = config.spec().mounts().get(number);
    String destination = destination(mount);
    if (destination.equals("/")) {
      throw Failures.invalid(
          "mount destination \"" + mount.destination() + "\" is the root itself; use root.path");
    }
    MountOptions options = MountOptions.parse(mount);
    try {
      if (options.bind) {
        noFilesystemOptions(mount, options);
        bind(number, mount, destination, options);
      } else if (options.remount) {
        remount(destination, options);
      } else if (mount.type().equals("cgroup") || mount.type().equals("cgroup2")) {
        controlGroups(destination, options);
      } else {
        filesystem(number, mount, destination, options);
      }
    } catch (LinuxException e) {
      throw Failures.of(
          "mounting " + what(mount) + " to rootfs at \"" + mount.destination() + "\"", e);
    }
  }

  /** Makes those read-only that had to take mount points and devices first. */
  void finish() {
    for (Fd tree : readOnlyLater) {
      try (tree) {
        Mounts.setAttributes(tree, false, NewMount.ATTR_RDONLY, 0, 0, 0);
      }
    }
    readOnlyLater.clear();
  }

  /** A path in the container; on the outside one may also begin with the root file system's. */
  private String destination(MountSpec mount) {
    String destination = PathText.clean(mount.destination());
    String root = PathText.clean(Rootfs.path(config));
    boolean outer = !config.ownKernel() && !root.equals("/") && destination.startsWith(root + "/");
    return outer ? destination.substring(root.length()) : destination;
  }

  private static String what(MountSpec mount) {
    return "\"" + (mount.source().isEmpty() ? mount.type() : mount.source()) + "\"";
  }

  private Fd target(String destination, boolean directory, MountOptions options) {
    if (options.destinationNoFollow) {
      try (Fd parent = paths.directory(PathText.parent(destination), DIRECTORY_MODE)) {
        String name = PathText.name(destination);
        try {
          return Fs.openAt(parent, name, OpenFlag.PATH | OpenFlag.NO_FOLLOW, 0);
        } catch (LinuxException e) {
          if (e.errno() != Errno.ENOENT) {
            throw e;
          }
        }
      }
    }
    return directory
        ? paths.directory(destination, DIRECTORY_MODE)
        : paths.file(destination, FILE_MODE);
  }

  /** The kernel would ignore them silently. */
  private static void noFilesystemOptions(MountSpec mount, MountOptions options) {
    if (!options.filesystem.isEmpty()) {
      throw Failures.invalid(
          "option \""
              + options.filesystem.getFirst()
              + "\" of the mount at "
              + mount.destination()
              + " is unknown: bind mounts cannot have any filesystem-specific options applied;"
              + " remove it");
    }
  }

  /** Where the source of a bind is; a relative path starts at the bundle. */
  static String sourcePath(MountSpec mount, ContainerConfig config) {
    return mount.source().startsWith("/") ? mount.source() : config.bundle() + "/" + mount.source();
  }

  static CasemateException noSource(MountSpec mount) {
    return CasemateException.of(
        CasemateException.Kind.NOT_FOUND,
        "bind source path does not exist: " + mount.source() + "; create it");
  }

  private Fd openSource(int number, MountSpec mount, MountOptions options) {
    try {
      return Fs.open(
          sourcePath(mount, config),
          OpenFlag.PATH | (options.sourceNoFollow ? OpenFlag.NO_FOLLOW : 0));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        throw noSource(mount);
      }
      if (e.errno() != Errno.EACCES || !namespaces.has(Processes.CLONE_NEWUSER)) {
        throw e;
      }
      return outside.open(number);
    }
  }

  private void bind(int number, MountSpec mount, String destination, MountOptions options) {
    Fd source = openSource(number, mount, options);
    boolean directory = Fs.stat(source).isDirectory();
    try (source;
        Fd tree =
            Mounts.openTree(
                source,
                "",
                Mounts.OPEN_TREE_CLONE | (options.bindRecursive ? Mounts.AT_RECURSIVE : 0));
        Fd target = target(destination, directory, options)) {
      if (directory != Fs.stat(target).isDirectory()) {
        throw Failures.invalid(
            "cannot mount a "
                + (directory ? "directory onto the file " : "file onto the directory ")
                + mount.destination()
                + ": not a directory; give a source and a destination of the same type");
      }
      ProcMounts.check(mount, destination, Optional.of(source), target);
      if (IdMaps.isMapped(mount)) {
        outside.map(number, tree, options.idMapRecursive);
      }
      attach(tree, target, options, true);
    }
    boundDev |= destination.equals("/dev");
  }

  /** Sets the attributes that differ and puts the mount in its place. */
  private void attach(Fd tree, Fd target, MountOptions options, boolean bound) {
    if (bound && (options.set | options.clear) != 0) {
      bindFlags(tree, options);
    }
    long propagation = options.propagation;
    if (propagation != 0 && !options.propagationRecursive) {
      Mounts.setAttributes(tree, false, 0, 0, propagation, 0);
    }
    boolean recursive = propagation != 0 && options.propagationRecursive;
    if ((options.recursiveSet | options.recursiveClear) != 0 || recursive) {
      Mounts.setAttributes(
          tree, true, options.recursiveSet, options.recursiveClear, recursive ? propagation : 0, 0);
    }
    Mounts.moveMount(tree, target);
  }

  /**
   * The flags of a bind mount. Once one is given they are all that it has, as with runc; with none
   * given the source's stay, which is not asked here. Access times are the source's until a word
   * asks for others. In a VM of the container's own the source is a mount of Casemate, and its
   * flags are not the user's choice.
   */
  private void bindFlags(Fd tree, MountOptions options) {
    if (config.ownKernel() || options.remount) {
      Mounts.setAttributes(tree, false, options.set, options.clear, 0, 0);
      return;
    }
    long set = options.set & ~TIMES;
    long clear = options.clear & ~TIMES;
    if (options.changesTimes()) {
      set |= options.times();
      // The kinds of access time are one field, which is cleared as a whole.
      clear |= NewMount.ATTR_ATIME | (NewMount.ATTR_NODIRATIME & ~set);
    }
    try {
      Mounts.setAttributes(tree, false, set, clear | ((LOCKABLE | NOT_LOCKABLE) & ~set), 0, 0);
    } catch (LinuxException e) {
      // In a user namespace the flags of a mount from outside may be locked: these stay, unless
      // the options say otherwise.
      if (e.errno() != Errno.EPERM) {
        throw e;
      }
      Mounts.setAttributes(tree, false, set, clear | (NOT_LOCKABLE & ~set), 0, 0);
    }
  }

  private void remount(String destination, MountOptions options) {
    Fd target =
        paths.find(destination).orElseThrow(() -> new LinuxException("open", destination, 2));
    try (target) {
      Mounts.setAttributes(target, false, options.set, options.clear, 0, 0);
    }
  }

  private boolean exists(String destination) {
    Optional<Fd> there = paths.find(destination);
    there.ifPresent(Fd::close);
    return there.isPresent();
  }

  private void filesystem(int number, MountSpec mount, String destination, MountOptions options) {
    boolean kernelFiles = mount.type().equals("proc") || mount.type().equals("sysfs");
    // A directory that is made for the mount has no mode to take over: /tmp is for everybody.
    boolean tmpfs = mount.type().equals("tmpfs");
    boolean found = tmpfs && exists(destination);
    try (Fd target = target(destination, true, options)) {
      if (kernelFiles && !isPlain(destination)) {
        throw Failures.invalid(
            "mount destination \""
                + destination
                + "\" of "
                + mount.type()
                + " is a symbolic link in the image: it must be mounted on ordinary directory");
      }
      ProcMounts.check(mount, destination, Optional.empty(), target);
      List<String> data = new ArrayList<>(options.filesystem);
      label(mount, data);
      if (found && !options.has("mode")) {
        data.add("mode=" + Integer.toOctalString(Fs.stat(target).permissions()));
      }
      // What later mounts and devices need is made in it before the mount is read-only.
      boolean writable = tmpfs || destination.equals("/dev");
      boolean readOnly =
          ((options.set | options.recursiveSet) & NewMount.ATTR_RDONLY) != 0 && writable;
      if (readOnly) {
        options.set &= ~NewMount.ATTR_RDONLY;
        options.recursiveSet &= ~NewMount.ATTR_RDONLY;
      }
      Fd tree = create(number, mount, data, options);
      boolean kept = false;
      try {
        if (options.copyUp && found) {
          CopyUp.copy(target, tree);
        }
        if (IdMaps.isMapped(mount)) {
          outside.map(number, tree, options.idMapRecursive);
        }
        attach(tree, target, options, false);
        if (readOnly) {
          kept = readOnlyLater.add(tree);
        }
      } finally {
        if (!kept) {
          tree.close();
        }
      }
    }
  }

  private Fd create(int number, MountSpec mount, List<String> data, MountOptions options) {
    try {
      return NewMount.create(mount.type(), source(mount), data, options.set);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPERM
          || !config.ownKernel()
          || !namespaces.has(Processes.CLONE_NEWUSER)
          || !Outside.isOfMachine(mount, namespaces)) {
        throw e;
      }
      return outside.make(number);
    }
  }

  /** Files of a new file system get the label of the container's; /proc and /sys have their own. */
  private void label(MountSpec mount, List<String> data) {
    String label = config.spec().linux().mountLabel();
    if (!label.isEmpty()
        && !mount.type().equals("proc")
        && !mount.type().equals("sysfs")
        && Fs.exists("/sys/fs/selinux/enforce")) {
      data.add("context=" + label);
    }
  }

  static String source(MountSpec mount) {
    return mount.source().isEmpty() ? "none" : mount.source();
  }

  /** Whether a path has no symbolic link in it. */
  private boolean isPlain(String path) {
    try {
      Fs.openResolved(
              paths.root(),
              path.substring(1),
              OpenFlag.PATH,
              0,
              OpenFlag.RESOLVE_IN_ROOT | OpenFlag.RESOLVE_NO_SYMLINKS)
          .close();
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ELOOP) {
        return false;
      }
      throw e;
    }
  }

  private void controlGroups(String destination, MountOptions options) {
    if (Fs.exists(CGROUP_ROOT + "/cgroup.procs")) {
      try (Fd target = target(destination, true, options)) {
        unified(target, options);
      }
      return;
    }
    if (!Fs.exists(CGROUP_ROOT)) {
      return;
    }
    legacy(destination, options);
  }

  private void unified(Fd target, MountOptions options) {
    if (namespaces.has(Processes.CLONE_NEWCGROUP)) {
      try (Fd tree = NewMount.create("cgroup2", "cgroup", List.of(), options.set)) {
        attach(tree, target, options, false);
        return;
      } catch (LinuxException e) {
        // Without the rights in the namespace of the network or the user a bind has to do.
        if (e.errno() != Errno.EPERM && e.errno() != Errno.EBUSY) {
          throw e;
        }
      }
    }
    String directory = config.cgroup().directory();
    try (Fd source =
            Fs.open(
                directory.isEmpty() ? CGROUP_ROOT : directory, OpenFlag.PATH | OpenFlag.DIRECTORY);
        Fd tree = Mounts.openTree(source, "", Mounts.OPEN_TREE_CLONE)) {
      attach(tree, target, options, true);
    }
  }

  /** A tmpfs with a mount for each hierarchy of version 1, as the process's own groups see it. */
  private void legacy(String destination, MountOptions options) {
    try (Fd target = target(destination, true, options);
        Fd tree = NewMount.create("tmpfs", "tmpfs", List.of("mode=755"), options.set & ~1L)) {
      attach(tree, target, options, false);
      for (String line : Text.split(FileContent.readString("/proc/self/cgroup", 64 * 1024), '\n')) {
        hierarchy(destination, line, options);
      }
      if ((options.set & NewMount.ATTR_RDONLY) != 0) {
        Mounts.setAttributes(tree, false, NewMount.ATTR_RDONLY, 0, 0, 0);
      }
    }
  }

  private void hierarchy(String destination, String line, MountOptions options) {
    int first = line.indexOf(':');
    int second = line.indexOf(':', first + 1);
    if (first < 0 || second <= first + 1) {
      return;
    }
    String controllers = line.substring(first + 1, second);
    boolean named = controllers.startsWith("name=");
    String folder = named ? controllers.substring(5) : controllers;
    Stat stat = Fs.statIfExists(CGROUP_ROOT + "/" + folder).orElse(null);
    if (stat == null) {
      return;
    }
    List<String> data = new ArrayList<>(Text.split(controllers, ','));
    if (named) {
      data = List.of("none", controllers);
    }
    try (Fd target = paths.directory(destination + "/" + folder, DIRECTORY_MODE)) {
      if (namespaces.has(Processes.CLONE_NEWCGROUP)) {
        try (Fd tree = NewMount.create("cgroup", "cgroup", data, options.set)) {
          Mounts.moveMount(tree, target);
        } catch (LinuxException e) {
          // A user namespace sees what its owner may see; the rest stays an empty directory.
          if (!namespaces.has(Processes.CLONE_NEWUSER) || !Cgroups.isRefusal(e.errno())) {
            throw e;
          }
        }
      } else {
        String source = CGROUP_ROOT + "/" + folder + line.substring(second + 1);
        try (Fd from = Fs.open(source, OpenFlag.PATH | OpenFlag.DIRECTORY);
            Fd tree = Mounts.openTree(from, "", Mounts.OPEN_TREE_CLONE)) {
          Mounts.setAttributes(tree, false, options.set, 0, 0, 0);
          Mounts.moveMount(tree, target);
        }
      }
    }
    if (folder.indexOf(',') > 0) {
      try (Fd base = paths.directory(destination, DIRECTORY_MODE)) {
        for (String alias : Text.split(folder, ',')) {
          Links.symlinkAt(folder, base, alias);
        }
      }
    }
  }
}
