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
 *   <li>{@code mounts}: here this process makes mount points and attaches shares, always relative
 *       to an open descriptor. It never leaves the process's mount namespace.
 *   <li>{@code served}: the same file system, read-only. The mounts of the first propagate to it,
 *       and from there into the mount namespace of virtiofsd, with the attributes that they had
 *       when they were attached.
 * </ul>
 *
 * <p>So the guest can write in the shares that are writable, but nowhere above them: what this
 * process reaches by a name in {@code mounts} is what it made there itself.
 */
final class ShareDirectory implements AutoCloseable {
  private static final String STAGING = "/mounts";
  private static final String SERVED = "/served";
  private static final String PLACES = "/places";

  /** Mount points are empty: the bounds are a second line, behind the read-only mount. */
  private static final List<String> LIMITS = List.of("mode=0700", "size=64k", "nr_inodes=16k");

  private static final long ATTRIBUTES =
      NewMount.ATTR_NOSUID | NewMount.ATTR_NODEV | NewMount.ATTR_NOEXEC;

  private static final int POINT = OpenFlag.PATH | OpenFlag.NO_FOLLOW;

  private final String directory;
  private Optional<Fd> staging = Optional.empty();
  private int places;

  /**
   * Describes what {@link #prepare} makes.
   *
   * @param directory a path at which nothing is yet, where the guest cannot write
   */
  ShareDirectory(String directory) {
    this.directory = directory;
  }

  /** Where {@link #prepare} mounts what is to be served. */
  String served() {
    return directory + SERVED;
  }

  /** Makes both mounts; once is enough. */
  void prepare() {
    if (staging.isPresent()) {
      return;
    }
    for (String name : List.of(STAGING, SERVED, PLACES)) {
      FileTree.makeDirectories(directory + name, 0700);
    }
    Mounts.mount(directory, directory, "", Mounts.BIND, "");
    try {
      // Who shares a directory above, such as /, does not share all shares once more.
      Mounts.mount("", directory, "", Mounts.UNBINDABLE, "");
      Fd tree = NewMount.create("tmpfs", "casemate", LIMITS, ATTRIBUTES);
      try {
        Mounts.setAttributes(tree, false, 0, 0, Mounts.SHARED, 0);
        attach(tree, STAGING);
        try (Fd clone = Mounts.openTree(tree, "", Mounts.OPEN_TREE_CLONE)) {
          Mounts.setAttributes(clone, false, NewMount.ATTR_RDONLY, 0, 0, 0);
          attach(clone, SERVED);
        }
      } catch (RuntimeException e) {
        tree.close();
        throw e;
      }
      staging = Optional.of(tree);
    } catch (RuntimeException e) {
      detach(directory);
      throw e;
    }
  }

  private void attach(Fd tree, String name) {
    try (Fd point = Fs.open(directory + name, POINT | OpenFlag.DIRECTORY)) {
      Mounts.moveMount(tree, point);
    }
  }

  private Fd staging() {
    return staging.orElseThrow(() -> new IllegalStateException("nothing is prepared"));
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
    try (Fd point = Fs.openAt(staging(), name, POINT, 0)) {
      Mounts.moveMount(tree, point);
    } catch (LinuxException e) {
      removePoint(name);
      throw e;
    }
  }

  /** Detaches what {@link #add} has attached, in every namespace that it went to. */
  void remove(String name) {
    detach(directory + STAGING + "/" + name);
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

  /** A new directory that no guest sees, for mounts that have to be made by path. */
  String makePlace() {
    prepare();
    String place = directory + PLACES + "/" + places++;
    Fs.makeDirectory(place, 0700);
    return place;
  }

  /** Removes a place with all that is mounted there. */
  static void removePlace(String place) {
    while (detach(place)) {
      // One may lie over the other.
    }
    Fs.removeDirectory(place);
  }

  /** Whether something was mounted there. */
  private static boolean detach(String target) {
    try {
      Mounts.unmount(target, Mounts.DETACH | Mounts.UMOUNT_NOFOLLOW);
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
    if (staging.isPresent()) {
      staging.get().close();
      staging = Optional.empty();
      detach(directory);
    }
  }
}
