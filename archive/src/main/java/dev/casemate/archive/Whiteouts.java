package dev.casemate.archive;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Removals that a layer asks for (image-spec, layer.md, "Whiteouts"). They concern the layers below
 * only: what the same layer brings stays, wherever in the archive the whiteout stands.
 */
final class Whiteouts {
  private static final String PREFIX = ".wh.";
  private static final String OPAQUE = ".wh..wh..opq";

  private final Fd root;

  /** Real paths of all that this layer has made, their parents included. */
  private final Set<String> touched = new HashSet<>();

  private String realParent = "";

  Whiteouts(Fd root) {
    this.root = root;
  }

  static boolean isWhiteout(List<String> parts) {
    for (String part : parts) {
      if (part.startsWith(PREFIX)) {
        return true;
      }
    }
    return false;
  }

  /** Where a directory really is, below the root; symbolic links in its name are resolved. */
  private String real(Fd directory) {
    String top = Fs.readLink(root.procPath());
    String path = Fs.readLink(directory.procPath());
    return path.substring(top.length());
  }

  /** Notes that this layer makes {@code name} in {@code directory}. */
  void touch(Fd directory, boolean sameParent, String name) {
    if (!sameParent || realParent.isEmpty()) {
      realParent = real(directory) + "/";
    }
    String path = realParent + name;
    while (touched.add(path)) {
      int slash = path.lastIndexOf('/');
      if (slash <= 0) {
        return;
      }
      path = path.substring(0, slash);
    }
  }

  void apply(String entry, String parent, String name, RootedPaths paths, DirectoryTimes times) {
    realParent = "";
    if (!name.startsWith(PREFIX) || (name.startsWith(".wh..wh.") && !name.equals(OPAQUE))) {
      // AUFS's own bookkeeping, and what lies in its directories.
      return;
    }
    String victim = name.substring(PREFIX.length());
    if (!name.equals(OPAQUE) && (victim.isEmpty() || victim.equals(".") || victim.equals(".."))) {
      throw ArchiveException.refused(entry, "is a whiteout of no name");
    }
    if (!existsInside(parent)) {
      return;
    }
    Fd directory = paths.directory(parent, entry);
    times.keep(directory, parent);
    String real = real(directory) + "/";
    if (!name.equals(OPAQUE)) {
      remove(directory, victim, real + victim);
    } else {
      try (Fd listing = reopen(directory, ".")) {
        for (String child : Fs.list(listing)) {
          remove(directory, child, real + child);
        }
      }
    }
    paths.forget();
  }

  private boolean existsInside(String parent) {
    if (parent.isEmpty()) {
      return true;
    }
    try (Fd there = Fs.openIn(root, parent, OpenFlag.PATH, 0)) {
      // Removing below something that is no directory: nothing is there to remove.
      return Fs.stat(there).isDirectory();
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
        return false;
      }
      throw e;
    }
  }

  private static Fd reopen(Fd directory, String name) {
    return Fs.openAt(
        directory, name, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW, 0);
  }

  /** Removes a name unless this layer made it; of a directory that it made, all that it did not. */
  private void remove(Fd directory, String name, String path) {
    if (!touched.contains(path)) {
      FileTree.removeTreeAt(directory, name);
      return;
    }
    Stat there = Fs.lstatAt(directory, name);
    if (there.isDirectory()) {
      try (Fd child = reopen(directory, name)) {
        for (String entry : Fs.list(child)) {
          remove(child, entry, path + "/" + entry);
        }
      }
    }
  }
}
