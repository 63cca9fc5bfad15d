package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import java.util.List;
import java.util.Optional;

/**
 * The directory that virtiofsd serves, as two mounts of one small tmpfs.
 *
 * <ul>
 *   <li>{@code mounts}: here this process makes mount points and attaches shares. It never leaves
 *       the process's mount namespace.
 *   <li>{@code served}: the same file system, read-only. The mounts of the first propagate to it,
 *       and from there into the mount namespace of virtiofsd, with the attributes that they had
 *       when they were attached.
 * </ul>
 *
 * <p>So the guest can write in the shares that are writable, but nowhere above them. Both lie in
 * another tmpfs, and everything is reached by descriptors of these: what this process finds by a
 * name is what it made there itself, whatever is shared.
 */
final class ShareDirectory implements AutoCloseable {
  private static final String STAGING = "mounts";
  private static final String SERVED = "served";
  private static final String PLACES = "places";

  /** Mount points are empty: the bounds are a second line, behind the read-only mount. */
  private static final List<String> LIMITS = List.of("mode=0700", "size=64k", "nr_inodes=16k");

  private static final long ATTRIBUTES =
      NewMount.ATTR_NOSUID | NewMount.ATTR_NODEV | NewMount.ATTR_NOEXEC;

  private static final int POINT = OpenFlag.PATH | OpenFlag.NO_FOLLOW;

  private final String directory;
  private Optional<Mounted> mounted = Optional.empty();
  private int places;

  /** The roots of the outer tmpfs and of {@code mounts}. */
  private record Mounted(Fd wall, Fd staging) {}

  /** A directory that no guest sees, for mounts that have to be made by path. */
  static final class Place implements AutoCloseable {
    private final Fd parent;
    private final String path;

    private Place(Fd parent, String name) {
      this.parent = parent;
      this.path = parent.procPath() + "/" + name;
    }

    String path() {
      return path;
    }

    /** Removes it with all that is mounted there. */
    @Override
    public void close() {
      try (Fd _ = parent) {
        while (detach(path)) {
          // One may lie over the other.
        }
        Fs.removeDirectory(path);
      }
    }
  }

  /**
   * Describes what {@link #prepare} makes.
   *
   * @param directory where the outer tmpfs is to be; made if it is missing
   */
  ShareDirectory(String directory) {
    this.directory = directory;
  }

  /** Where {@link #prepare} mounts what is to be served. */
  String served() {
    return directory + "/" + SERVED;
  }

  /** Makes the mounts; once is enough. */
  void prepare() {
    if (mounted.isPresent()) {
      return;
    }
    FileTree.makeDirectories(directory, 0700);
    Fd wall = NewMount.create("tmpfs", "casemate", LIMITS, ATTRIBUTES);
    try {
      try (Fd point = Fs.open(directory, POINT | OpenFlag.DIRECTORY)) {
        Mounts.moveMount(wall, point);
      }
      mounted = Optional.of(new Mounted(wall, stage(wall)));
    } catch (RuntimeException e) {
      detach(wall.procPath(), 0);
      wall.close();
      throw e;
    }
  }

  private static Fd stage(Fd wall) {
    // Who shares a directory above, such as /, does not share all shares once more.
    Mounts.setAttributes(wall, false, 0, 0, Mounts.UNBINDABLE, 0);
    for (String name : List.of(STAGING, SERVED, PLACES)) {
      Fs.makeDirectoryAt(wall, name, 0700);
    }
    Fd staging = NewMount.create("tmpfs", "casemate", LIMITS, ATTRIBUTES);
    try {
      Mounts.setAttributes(staging, false, 0, 0, Mounts.SHARED, 0);
      attach(staging, wall, STAGING);
      try (Fd clone = Mounts.openTree(staging, "", Mounts.OPEN_TREE_CLONE)) {
        Mounts.setAttributes(clone, false, NewMount.ATTR_RDONLY, 0, 0, 0);
        attach(clone, wall, SERVED);
      }
      return staging;
    } catch (RuntimeException e) {
      staging.close();
      throw e;
    }
  }

  private static void attach(Fd tree, Fd directory, String name) {
    try (Fd point = Fs.openAt(directory, name, POINT, 0)) {
      Mounts.moveMount(tree, point);
    }
  }

  private Fd staging() {
    return mounted.orElseThrow(() -> new IllegalStateException("nothing is prepared")).staging();
  }

  /**
   * Attaches a detached mount.
   *
   * @param name one that was never used before
   * @param isDirectory whether the mount's root is one
   */
  void add(String name, Fd tree, boolean isDirectory) {
    if (isDirectory) {
      Fs.makeDirectoryAt(staging(), name, 0700);
    } else {
      int flags = OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_FOLLOW;
      Fs.openAt(staging(), name, flags, 0600).close();
    }
    try {
      attach(tree, staging(), name);
    } catch (LinuxException e) {
      removePoint(name);
      throw e;
    }
  }

  /** Detaches what {@link #add} has attached, in every namespace that it went to. */
  void remove(String name) {
    detach(staging().procPath() + "/" + name);
    removePoint(name);
  }

  private void removePoint(String name) {
    try {
      Fs.removeDirectoryAt(staging(), name);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOTDIR) {
        throw e;
      }
      Fs.unlinkAt(staging(), name);
    }
  }

  /** Makes a new place; see {@link Place}. */
  Place place() {
    prepare();
    Fd parent = Fs.openAt(mounted.orElseThrow().wall(), PLACES, POINT | OpenFlag.DIRECTORY, 0);
    try {
      String name = Integer.toString(places++);
      Fs.makeDirectoryAt(parent, name, 0700);
      return new Place(parent, name);
    } catch (RuntimeException e) {
      parent.close();
      throw e;
    }
  }

  private static boolean detach(String target) {
    return detach(target, Mounts.UMOUNT_NOFOLLOW);
  }

  /** Whether something was mounted there. */
  private static boolean detach(String target, int flags) {
    try {
      Mounts.unmount(target, Mounts.DETACH | flags);
      return true;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.ENOENT) {
        throw e;
      }
      return false;
    }
  }

  /** Detaches all. */
  @Override
  public void close() {
    if (mounted.isPresent()) {
      try (Fd wall = mounted.get().wall();
          Fd _ = mounted.get().staging()) {
        mounted = Optional.empty();
        // The link in /proc has to be followed.
        detach(wall.procPath(), 0);
      }
    }
  }
}
