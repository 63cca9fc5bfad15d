package dev.casemate.archive;

import dev.casemate.archive.TarEntry.Segment;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Xattr;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a file or a tree below an open directory into a tar archive. Nothing outside that
 * directory is reached, even while others change the tree: paths are resolved with it as the root,
 * entries are opened without following links. Sockets are left out; names come sorted, so that
 * equal trees give equal archives.
 */
public final class TreeArchiver {
  private static final int MAX_DEPTH = 512;
  private static final int CHUNK = 64 * 1024;

  private final Fd root;
  private final TarWriter writer;
  private final Map<String, String> hardLinks = new HashMap<>();
  private final byte[] chunk = new byte[CHUNK];

  /** The descriptor and the writer stay the caller's, who also finishes the archive. */
  public TreeArchiver(Fd root, TarWriter writer) {
    this.root = root;
    this.writer = writer;
  }

  /**
   * Adds what is at a path, with all below it.
   *
   * @param path below the root; leading slashes do not matter
   * @param name what the first entry is called in the archive; {@code "."} for the content of a
   *     directory without a name of its own
   * @param follow whether a symbolic link at the path's end is followed (inside the root)
   * @throws LinuxException ENOENT and the like
   */
  public void add(String path, String name, boolean follow) {
    int flags = OpenFlag.PATH | (follow ? 0 : OpenFlag.NO_FOLLOW);
    try (Fd fd = Fs.openIn(root, path.isEmpty() ? "." : path, flags, 0)) {
      add(fd, name, 0);
    }
  }

  private void add(Fd fd, String name, int depth) {
    if (depth > MAX_DEPTH) {
      throw ArchiveException.refused(name, "lies more than " + MAX_DEPTH + " directories deep");
    }
    Stat stat = Fs.stat(fd);
    if (stat.links() > 1 && !stat.isDirectory()) {
      String key = stat.filesystemMajor() + ":" + stat.filesystemMinor() + ":" + stat.inode();
      String first = hardLinks.putIfAbsent(key, name);
      if (first != null) {
        writer.put(entry(stat, name, TarEntry.Type.HARD_LINK, first, Map.of()));
        return;
      }
    }
    switch (stat.type()) {
      case Stat.REGULAR -> file(fd, stat, name);
      case Stat.DIRECTORY -> directory(fd, stat, name, depth);
      case Stat.SYMLINK ->
          writer.put(entry(stat, name, TarEntry.Type.SYMLINK, Links.readLinkAt(fd, ""), Map.of()));
      case Stat.CHARACTER -> writer.put(entry(stat, name, TarEntry.Type.CHARACTER, "", Map.of()));
      case Stat.BLOCK -> writer.put(entry(stat, name, TarEntry.Type.BLOCK, "", Map.of()));
      case Stat.FIFO -> writer.put(entry(stat, name, TarEntry.Type.FIFO, "", Map.of()));
      default -> {
        // A socket means nothing without the process that listens on it.
      }
    }
  }

  private void directory(Fd fd, Stat stat, String name, int depth) {
    writer.put(entry(stat, name, TarEntry.Type.DIRECTORY, "", xattrs(fd)));
    List<String> names;
    try (Fd listing =
        Fs.openAt(fd, ".", OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW, 0)) {
      names = Fs.list(listing);
    }
    Collections.sort(names);
    for (String child : names) {
      try (Fd entry = Fs.openAt(fd, child, OpenFlag.PATH | OpenFlag.NO_FOLLOW, 0)) {
        add(entry, name + "/" + child, depth + 1);
      } catch (LinuxException e) {
        // Gone since the directory was read.
        if (e.errno() != Errno.ENOENT) {
          throw e;
        }
      }
    }
  }

  private void file(Fd fd, Stat stat, String name) {
    writer.put(entry(stat, name, TarEntry.Type.FILE, "", xattrs(fd)));
    long left = stat.size();
    // The descriptor is of the file itself: opening it again by way of /proc cannot lead elsewhere.
    try (Fd content = Fs.open(fd.procPath(), OpenFlag.READ_ONLY)) {
      while (left > 0) {
        int n = content.read(chunk, 0, (int) Math.min(CHUNK, left));
        if (n < 0) {
          break;
        }
        writer.write(chunk, 0, n);
        left -= n;
      }
    }
    // The file has shrunk meanwhile; the header has promised more. GNU tar pads as well.
    Arrays.fill(chunk, (byte) 0);
    while (left > 0) {
      int n = (int) Math.min(CHUNK, left);
      writer.write(chunk, 0, n);
      left -= n;
    }
  }

  private static Map<String, byte[]> xattrs(Fd fd) {
    Map<String, byte[]> xattrs = new LinkedHashMap<>();
    List<String> names = new ArrayList<>(Xattr.list(fd));
    Collections.sort(names);
    for (String name : names) {
      if (name.startsWith("user.") || name.equals("security.capability")) {
        xattrs.put(name, Xattr.get(fd, name));
      }
    }
    return xattrs;
  }

  private static TarEntry entry(
      Stat stat, String name, TarEntry.Type type, String link, Map<String, byte[]> xattrs) {
    boolean file = type == TarEntry.Type.FILE;
    boolean device = type == TarEntry.Type.CHARACTER || type == TarEntry.Type.BLOCK;
    return new TarEntry(
        name,
        type,
        stat.permissions(),
        stat.uid(),
        stat.gid(),
        file ? stat.size() : 0,
        stat.mtimeSeconds(),
        stat.mtimeNanos(),
        link,
        device ? stat.deviceMajor() : 0,
        device ? stat.deviceMinor() : 0,
        xattrs,
        file ? List.of(new Segment(0, stat.size())) : List.of());
  }
}
