package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Xattr;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Fills a new tmpfs, or another directory, with what it is about to hide ({@code tmpcopyup}). */
public final class CopyUp {
  private static final int DEPTH_LIMIT = 256;

  /** Hard links beyond it become files of their own: their names need memory. */
  private static final int LINK_LIMIT = 16_384;

  private final Fd top;

  /** The first copy of each file that has several names, below {@link #top}. */
  private final Map<String, String> linked = new HashMap<>();

  private CopyUp(Fd top) {
    this.top = top;
  }

  /** Copies what is in {@code from} into {@code to}; both are descriptors of directories. */
  public static void copy(Fd from, Fd to) {
    Stat stat = Fs.stat(from);
    new CopyUp(to).copyEntries(from, to, "", 0);
    try (Fd target = Fs.openAt(to, ".", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0)) {
      Fs.chown(target, stat.uid(), stat.gid());
      Fs.chmod(target, stat.permissions());
    }
  }

  private void copyEntries(Fd from, Fd to, String path, int depth) {
    if (depth > DEPTH_LIMIT) {
      throw Failures.invalid(
          "tmpcopyup: directories are nested deeper than " + DEPTH_LIMIT + "; mount without it");
    }
    List<String> names;
    try (Fd directory = Fs.openAt(from, ".", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY, 0)) {
      names = Fs.list(directory);
    }
    for (String name : names) {
      Stat stat = Fs.lstatAt(from, name);
      if (!link(to, name, path + name, stat)) {
        copyEntry(from, to, name, path + name, stat, depth);
      }
    }
  }

  /** Whether another name of the file has been copied already, to which this name is now a link. */
  private boolean link(Fd to, String name, String path, Stat stat) {
    if (stat.links() < 2 || stat.isDirectory()) {
      return false;
    }
    String file = stat.filesystemMajor() + ":" + stat.filesystemMinor() + ":" + stat.inode();
    String first = linked.get(file);
    if (first == null) {
      if (linked.size() < LINK_LIMIT) {
        linked.put(file, path);
      }
      return false;
    }
    // No other process has the new tree: no part of the path can have become a symbolic link.
    Links.linkAt(top, first, to, name);
    return true;
  }

  private void copyEntry(Fd from, Fd to, String name, String path, Stat stat, int depth) {
    switch (stat.type()) {
      case Stat.DIRECTORY -> {
        Fs.makeDirectoryAt(to, name, 0700);
        int flags = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW;
        try (Fd source = Fs.openAt(from, name, flags, 0);
            Fd target = Fs.openAt(to, name, flags, 0)) {
          copyEntries(source, target, path + "/", depth + 1);
          copyAttributes(source, target);
        }
      }
      case Stat.REGULAR -> {
        try (Fd source = Fs.openAt(from, name, OpenFlag.READ_ONLY | OpenFlag.NO_FOLLOW, 0);
            Fd target =
                Fs.openAt(
                    to, name, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0600)) {
          byte[] chunk = new byte[64 * 1024];
          for (int n = source.read(chunk, 0, chunk.length);
              n > 0;
              n = source.read(chunk, 0, chunk.length)) {
            target.writeAll(chunk, 0, n);
          }
          copyAttributes(source, target);
        }
      }
      case Stat.SYMLINK -> Links.symlinkAt(Links.readLinkAt(from, name), to, name);
      default ->
          Fs.makeNodeAt(to, name, stat.type() | 0600, stat.deviceMajor(), stat.deviceMinor());
    }
    Fs.chownAt(to, name, stat.uid(), stat.gid());
    if (!stat.isSymlink()) {
      // After the owner: a change of owner takes the set-id bits away.
      Fs.chmodAt(to, name, stat.permissions());
    }
    Fs.setTimesAt(to, name, stat.mtimeSeconds(), stat.mtimeNanos());
  }

  private static void copyAttributes(Fd from, Fd to) {
    for (String name : Xattr.list(from)) {
      try {
        Xattr.set(to, name, Xattr.get(from, name));
      } catch (LinuxException e) {
        // tmpfs does not hold every kind; the files are what is asked for.
      }
    }
  }
}
