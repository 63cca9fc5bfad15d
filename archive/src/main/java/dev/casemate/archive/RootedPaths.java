package dev.casemate.archive;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Finds directories below a root for names from an archive. The kernel does the resolution ({@code
 * openat2(2)} with RESOLVE_IN_ROOT), so nothing outside the root can be reached even while somebody
 * changes the tree.
 */
final class RootedPaths implements AutoCloseable {
  private static final int MAX_PATH = 4095;
  private static final int MAX_LINKS = 40;
  private static final int DIRECTORY = OpenFlag.READ_ONLY | OpenFlag.DIRECTORY;

  private final Fd root;
  private final DirectoryTimes times;
  private final boolean strict;
  private String cachedPath = "";
  private Fd cached;

  /**
   * @param strict whether a path may lead through directories that exist only, not through links
   */
  RootedPaths(Fd root, DirectoryTimes times, boolean strict) {
    this.root = root;
    this.times = times;
    this.strict = strict;
    this.cached = open("");
  }

  /**
   * The components of an entry's name below the root. A leading slash is the root, and {@code ..}
   * takes back the component before it, as in Docker; above a leading slash there is nothing.
   *
   * @param strict whether a leading slash and any {@code ..} are refused
   * @throws ArchiveException if the name leads out of the root
   */
  static List<String> components(String name, String entry, boolean strict) {
    if (name.length() > MAX_PATH) {
      throw ArchiveException.refused(entry, "has a path of more than " + MAX_PATH + " bytes");
    }
    boolean absolute = name.startsWith("/");
    List<String> parts = new ArrayList<>();
    for (String part : Text.split(name, '/')) {
      if (part.equals("..")) {
        if (strict || (parts.isEmpty() && !absolute)) {
          throw ArchiveException.refused(entry, "has \"..\" in a path that leaves the root");
        }
        if (!parts.isEmpty()) {
          parts.removeLast();
        }
      } else if (!part.equals(".")) {
        parts.add(part);
      }
    }
    if (absolute && strict && !parts.isEmpty()) {
      throw ArchiveException.refused(entry, "has an absolute path, expected one below the root");
    }
    return parts;
  }

  /** All but the last component, joined. */
  static String parent(List<String> parts) {
    return String.join("/", parts.subList(0, Math.max(0, parts.size() - 1)));
  }

  /**
   * An open directory, which stays open until the next call; missing ones are made.
   *
   * @throws ArchiveException if the path leaves the root or passes through something else
   */
  Fd directory(String path, String entry) {
    if (path.equals(cachedPath)) {
      return cached;
    }
    Fd fd;
    try {
      fd = open(path);
    } catch (LinuxException e) {
      if (strict) {
        throw strictRefusal(e, path, entry);
      }
      if (e.errno() == Errno.ENOENT) {
        fd = make(path, entry);
      } else if (e.errno() == Errno.EXDEV) {
        fd = openFollowing(path, entry);
      } else {
        throw refusal(e, path, entry);
      }
    }
    cached.close();
    cached = fd;
    cachedPath = path;
    return fd;
  }

  /** Opens a directory that was there before. */
  Fd find(String path) {
    return Fs.openIn(root, path.isEmpty() ? "." : path, DIRECTORY, 0);
  }

  /** Whether the last {@link #directory} was for the same path. */
  boolean isCached(String path) {
    return path.equals(cachedPath);
  }

  /** Forgets the directory of the last call, because the tree changed under it. */
  void forget() {
    if (!cachedPath.isEmpty()) {
      cached.close();
      cached = open("");
      cachedPath = "";
    }
  }

  private Fd open(String path) {
    return Fs.openResolved(
        root,
        path.isEmpty() ? "." : path,
        DIRECTORY,
        0,
        OpenFlag.RESOLVE_BENEATH
            | OpenFlag.RESOLVE_NO_MAGICLINKS
            | (strict ? OpenFlag.RESOLVE_NO_SYMLINKS : 0));
  }

  private Fd openFollowing(String path, String entry) {
    try {
      return Fs.openIn(root, path.isEmpty() ? "." : path, DIRECTORY, 0);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return make(path, entry);
      }
      throw refusal(e, path, entry);
    }
  }

  private static RuntimeException strictRefusal(LinuxException e, String path, String entry) {
    return switch (e.errno()) {
      case Errno.ENOENT ->
          ArchiveException.refused(
              entry,
              "lies below " + ArchiveException.quote(path) + ", which no earlier entry created");
      case Errno.ELOOP ->
          ArchiveException.refused(
              entry, "lies below a symbolic link in " + ArchiveException.quote(path));
      default -> refusal(e, path, entry);
    };
  }

  private static RuntimeException refusal(LinuxException e, String path, String entry) {
    return switch (e.errno()) {
      case Errno.ENOTDIR ->
          ArchiveException.refused(
              entry, "lies below " + ArchiveException.quote(path) + ", which is not a directory");
      case Errno.ELOOP ->
          ArchiveException.refused(
              entry, "lies below " + ArchiveException.quote(path) + ", a loop of symbolic links");
      case Errno.ENAMETOOLONG ->
          ArchiveException.refused(entry, "has a path component of more than 255 bytes");
      default -> e;
    };
  }

  /** Makes what is missing, also where a symbolic link points to a directory yet to come. */
  private Fd make(String path, String entry) {
    String made = "";
    Fd parent = open("");
    try {
      for (String name : realPath(path, entry)) {
        made = made.isEmpty() ? name : made + "/" + name;
        Fd child;
        try {
          child = Fs.openIn(root, made, DIRECTORY, 0);
        } catch (LinuxException e) {
          if (e.errno() != Errno.ENOENT) {
            throw e;
          }
          int slash = made.lastIndexOf('/');
          times.keep(parent, slash < 0 ? "" : made.substring(0, slash));
          Fs.makeDirectoryAt(parent, name, 0755);
          child = Fs.openIn(root, made, DIRECTORY, 0);
          times.set(child, made, 0, 0);
        }
        parent.close();
        parent = child;
      }
      return parent;
    } catch (LinuxException e) {
      parent.close();
      throw refusal(e, path, entry);
    } catch (ArchiveException e) {
      parent.close();
      throw e;
    }
  }

  /**
   * Walks a path as the kernel would (RESOLVE_IN_ROOT), to where it leads without symbolic links: a
   * link that climbs above the root ends at the root.
   */
  private List<String> realPath(String path, String entry) {
    Deque<String> todo = new ArrayDeque<>(Text.split(path, '/'));
    List<String> done = new ArrayList<>();
    int links = 0;
    while (!todo.isEmpty()) {
      String part = todo.removeFirst();
      if (part.equals(".")) {
        continue;
      }
      if (part.equals("..")) {
        if (!done.isEmpty()) {
          done.removeLast();
        }
        continue;
      }
      done.add(part);
      String target = linkTarget(String.join("/", done));
      if (target.isEmpty()) {
        continue;
      }
      if (++links > MAX_LINKS) {
        throw ArchiveException.refused(entry, "lies below a loop of symbolic links");
      }
      done.removeLast();
      if (target.startsWith("/")) {
        done.clear();
      }
      for (String piece : Text.split(target, '/').reversed()) {
        todo.addFirst(piece);
      }
    }
    return done;
  }

  /** The target of a symbolic link; empty for anything else and for what does not exist. */
  private String linkTarget(String path) {
    try (Fd fd = Fs.openIn(root, path, OpenFlag.PATH | OpenFlag.NO_FOLLOW, 0)) {
      return Fs.stat(fd).isSymlink() ? Links.readLinkAt(fd, "") : "";
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        return "";
      }
      throw e;
    }
  }

  @Override
  public void close() {
    cached.close();
  }
}
