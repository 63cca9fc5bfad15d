package dev.casemate.archive;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Removals that a layer asks for (image-spec, layer.md, "Whiteouts"). They concern the layers below
 * only: what the same layer brings stays, wherever in the archive the whiteout stands.
 */
final class Whiteouts {
  private static final String PREFIX = ".wh.";
  private static final String OPAQUE = ".wh..wh..opq";

  /** Longest path that the kernel takes, and that mkfs.erofs can read again. */
  private static final int MAX_PATH = 4095;

  /** Of directories below the root: mkfs.erofs has one descriptor open for each. */
  private static final int MAX_DEPTH = 800;

  private final Fd root;
  private final Retained retained;

  /** What this layer has made: a tree by real path, so that a long parent is kept only once. */
  private final Node touched = new Node();

  private int rootLength;
  private int parentLength;
  private @Nullable Node parentNode;

  Whiteouts(Fd root, Retained retained) {
    this.root = root;
    this.retained = retained;
  }

  /** A directory or file that this layer has made; files have no children. */
  private static final class Node {
    private @Nullable Map<String, Node> children;

    /** Nothing of the layers below is left in it: to look a second time is in vain. */
    private boolean cleared;

    @Nullable Node child(String name) {
      return children == null ? null : children.get(name);
    }

    Node make(String name, Retained retained) {
      if (children == null) {
        children = new HashMap<>(4);
      }
      Node child = children.get(name);
      if (child == null) {
        retained.add(name);
        child = new Node();
        children.put(name, child);
      }
      return child;
    }
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
    String top = Links.readLink(root.procPath());
    String path = Links.readLink(directory.procPath());
    rootLength = bytes(top);
    return path.substring(top.length());
  }

  /** The kernel counts bytes; a character may take up to four. */
  private static int bytes(String path) {
    return path.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Notes that this layer makes {@code name} in {@code directory}. */
  void touch(Fd directory, boolean sameParent, String name, String entry) {
    Node parent = parentNode;
    if (!sameParent || parent == null) {
      String real = real(directory);
      parentLength = rootLength + bytes(real) + 1;
      List<String> parts = Text.split(real, '/');
      if (parts.size() > MAX_DEPTH) {
        throw ArchiveException.refused(entry, "lies more than " + MAX_DEPTH + " directories deep");
      }
      parent = touched;
      for (String part : parts) {
        parent = parent.make(part, retained);
      }
      parentNode = parent;
    }
    if (parentLength + bytes(name) > MAX_PATH) {
      throw ArchiveException.refused(
          entry, "has a path of more than " + MAX_PATH + " bytes together with the store's own");
    }
    parent.make(name, retained);
  }

  private @Nullable Node find(String real) {
    Node node = touched;
    for (String part : Text.split(real, '/')) {
      node = node == null ? null : node.child(part);
    }
    return node;
  }

  void apply(String entry, String parent, String name, RootedPaths paths, DirectoryTimes times) {
    parentNode = null;
    if (!name.startsWith(PREFIX) || (name.startsWith(".wh..wh.") && !name.equals(OPAQUE))) {
      // AUFS's own bookkeeping, and what lies in its directories.
      return;
    }
    String victim = name.substring(PREFIX.length());
    if (!name.equals(OPAQUE) && (victim.isEmpty() || victim.equals(".") || victim.equals(".."))) {
      throw ArchiveException.refused(entry, "is a whiteout without a name");
    }
    if (!existsInside(parent)) {
      return;
    }
    Fd directory = paths.directory(parent, entry);
    times.keep(directory, parent);
    Node made = find(real(directory));
    if (!name.equals(OPAQUE)) {
      remove(directory, victim, made == null ? null : made.child(victim));
    } else if (made == null) {
      try (Fd listing = reopen(directory, ".")) {
        for (String child : Fs.list(listing)) {
          remove(directory, child, null);
        }
      }
    } else {
      clear(directory, ".", made);
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
  private static void remove(Fd directory, String name, @Nullable Node made) {
    if (made == null) {
      FileTree.removeTreeAt(directory, name);
      return;
    }
    if (Fs.lstatAt(directory, name).isDirectory()) {
      clear(directory, name, made);
    }
  }

  private static void clear(Fd parent, String name, Node made) {
    if (made.cleared) {
      return;
    }
    made.cleared = true;
    try (Fd directory = reopen(parent, name)) {
      for (String entry : Fs.list(directory)) {
        remove(directory, entry, made.child(entry));
      }
    }
  }
}
