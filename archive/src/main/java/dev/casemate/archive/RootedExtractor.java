package dev.casemate.archive;

import dev.casemate.archive.TarEntry.Segment;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import java.util.List;
import java.util.Optional;

/**
 * Unpacks archives below an open directory and nowhere else. Owner, mode, times, extended
 * attributes and device nodes are set as the archive says, which needs root.
 *
 * <p>Parents are resolved inside the root, symbolic links too: {@code lib/x} goes to {@code
 * usr/lib} where {@code lib} is a link to it, as in Docker and containerd. An absolute name and a
 * link that climbs above the root are taken from the root; a relative name that leads out of it is
 * refused. What exists is replaced, never written through; only a directory stays where a directory
 * comes.
 *
 * <p>With {@link Options#whiteouts} the archive is a layer (image-spec, layer.md): {@code .wh.name}
 * removes {@code name} of the layers below, {@code .wh..wh..opq} all that they have in a directory.
 */
public final class RootedExtractor implements AutoCloseable {
  private static final int CHUNK = 64 * 1024;

  private final RootedPaths paths;
  private final Options options;
  private final Optional<Whiteouts> whiteouts;
  private final Retained retained;
  private final DirectoryTimes times;
  private final byte[] chunk = new byte[CHUNK];
  private long bytes;
  private long storedBytes;
  private long entries;

  /**
   * How to unpack.
   *
   * @param whiteouts whether the archive is a layer
   * @param maxBytes most bytes of file content, holes included
   * @param maxEntries most entries
   * @param maxRetainedBytes most bytes of memory for what is kept of the entries: names and paths
   * @param strictParents whether each parent must be a directory that is there already: an entry
   *     below a symbolic link, or below nothing, is refused, and so are absolute names and {@code
   *     ..}
   */
  public record Options(
      boolean whiteouts,
      long maxBytes,
      long maxEntries,
      long maxRetainedBytes,
      boolean strictParents) {
    /** Memory for the names of one archive, where its reader knows no better limit. */
    public static final long MAX_RETAINED_BYTES = 256L << 20;

    /** With parents that may be links inside the root, or missing. */
    public Options(boolean whiteouts, long maxBytes, long maxEntries, long maxRetainedBytes) {
      this(whiteouts, maxBytes, maxEntries, maxRetainedBytes, false);
    }

    /** A plain archive without limits but the disk's and the memory's. */
    public static Options plain() {
      return new Options(false, Long.MAX_VALUE, Long.MAX_VALUE, MAX_RETAINED_BYTES);
    }

    /** An archive of one tree from a writer that is not trusted: nothing lies below a link. */
    public static Options strict(long maxEntries) {
      return new Options(false, Long.MAX_VALUE, maxEntries, MAX_RETAINED_BYTES, true);
    }
  }

  /** An extractor for one archive. The descriptor stays the caller's. */
  public RootedExtractor(Fd root, Options options) {
    this.retained = new Retained(options.maxRetainedBytes());
    this.times = new DirectoryTimes(retained);
    this.paths = new RootedPaths(root, times, options.strictParents());
    this.options = options;
    this.whiteouts =
        options.whiteouts() ? Optional.of(new Whiteouts(root, retained)) : Optional.empty();
    if (options.whiteouts()) {
      times.keep(root, "");
    }
  }

  /** Bytes of file content so far, holes included. */
  public long bytes() {
    return bytes;
  }

  /** Bytes of file content that the archive has held so far, without holes. */
  public long storedBytes() {
    return storedBytes;
  }

  /** Bytes of memory that names and paths have taken so far. */
  public long retainedBytes() {
    return retained.bytes();
  }

  /** Entries so far. */
  public long entries() {
    return entries;
  }

  /**
   * Unpacks all entries.
   *
   * @throws ArchiveException if the archive is malformed, tries to leave the root or is too large
   * @throws LinuxException if the file system fails: ENOSPC, EROFS …
   */
  public void extract(TarReader reader) {
    while (true) {
      Optional<TarEntry> entry = reader.next();
      if (entry.isEmpty()) {
        finish();
        return;
      }
      apply(entry.get(), reader);
    }
  }

  /** Sets the times of directories, which their entries have changed since. */
  public void finish() {
    paths.forget();
    times.apply(paths);
  }

  /** Unpacks one entry. */
  public void apply(TarEntry entry, TarReader reader) {
    if (++entries > options.maxEntries()) {
      throw new ArchiveException(
          ArchiveException.Reason.TOO_LARGE, "more than " + options.maxEntries() + " entries");
    }
    try {
      applyParts(
          entry,
          RootedPaths.components(entry.name(), entry.name(), options.strictParents()),
          reader);
    } catch (LinuxException e) {
      throw explain(e, entry);
    }
  }

  private void applyParts(TarEntry entry, List<String> parts, TarReader reader) {
    if (parts.isEmpty()) {
      applyRoot(entry);
      return;
    }
    String name = parts.getLast();
    if (name.length() > 255) {
      throw ArchiveException.refused(entry.name(), "has a path component of more than 255 bytes");
    }
    String parent = RootedPaths.parent(parts);
    if (whiteouts.isPresent() && Whiteouts.isWhiteout(parts)) {
      whiteouts.get().apply(entry.name(), parent, name, paths, times);
      return;
    }
    boolean known = paths.isCached(parent);
    Fd directory = paths.directory(parent, entry.name());
    if (whiteouts.isPresent()) {
      if (!known) {
        // A layer changes a directory's time only by an entry for it.
        times.keep(directory, parent);
      }
      whiteouts.get().touch(directory, known, name, entry.name());
    }
    make(entry, parts, directory, name, reader);
  }

  /** What the archive is to blame for is a refusal; the rest is the machine's. */
  private static RuntimeException explain(LinuxException e, TarEntry entry) {
    return switch (e.errno()) {
      case Errno.EINVAL,
          Errno.ENAMETOOLONG,
          Errno.ELOOP,
          Errno.EEXIST,
          Errno.ENOTDIR,
          Errno.EMLINK ->
          ArchiveException.refused(entry.name(), "cannot be created: " + e.getMessage());
      default -> new LinuxException(e.call(), ArchiveException.quote(entry.name()), e.errno());
    };
  }

  private void applyRoot(TarEntry entry) {
    if (entry.type() != TarEntry.Type.DIRECTORY) {
      throw ArchiveException.refused(entry.name(), "would replace the root, expected a directory");
    }
    Fd root = paths.directory("", entry.name());
    setDirectory(entry, root, "");
  }

  private void setDirectory(TarEntry entry, Fd fd, String path) {
    Fs.chown(fd, entry.uid(), entry.gid());
    Fs.chmod(fd, entry.mode());
    EntryXattrs.set(entry, fd);
    times.set(fd, path, entry.mtimeSeconds(), entry.mtimeNanos());
  }

  private void make(
      TarEntry entry, List<String> parts, Fd directory, String name, TarReader reader) {
    if (entry.type() == TarEntry.Type.HARD_LINK) {
      link(entry, parts, name);
      return;
    }
    boolean exists = clear(directory, name, entry.type() == TarEntry.Type.DIRECTORY);
    switch (entry.type()) {
      case DIRECTORY -> {
        if (!exists) {
          Fs.makeDirectoryAt(directory, name, 0700);
        }
        try (Fd fd =
            Fs.openAt(
                directory, name, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW, 0)) {
          setDirectory(entry, fd, String.join("/", parts));
        }
        return;
      }
      case FILE -> {
        file(entry, directory, name, reader);
        return;
      }
      case SYMLINK -> {
        if (entry.linkTarget().isEmpty() || entry.linkTarget().length() > 4095) {
          throw ArchiveException.refused(
              entry.name(), "is a symbolic link whose target is not 1 to 4095 bytes long");
        }
        Links.symlinkAt(entry.linkTarget(), directory, name);
      }
      case CHARACTER -> node(entry, directory, name, Stat.CHARACTER);
      case BLOCK -> node(entry, directory, name, Stat.BLOCK);
      case FIFO -> node(entry, directory, name, Stat.FIFO);
      case HARD_LINK -> throw new IllegalStateException();
    }
    Fs.chownAt(directory, name, entry.uid(), entry.gid());
    if (entry.type() != TarEntry.Type.SYMLINK) {
      chmodNode(directory, name, entry.mode());
    }
    if (!entry.xattrs().isEmpty()) {
      EntryXattrs.setAt(entry, directory, name);
    }
    Fs.setTimesAt(directory, name, entry.mtimeSeconds(), entry.mtimeNanos());
  }

  private static void node(TarEntry entry, Fd directory, String name, int type) {
    Fs.makeNodeAt(directory, name, type | 0600, entry.deviceMajor(), entry.deviceMinor());
  }

  /** {@code fchmodat(2)} follows links, which it must not if another process puts one here. */
  private static void chmodNode(Fd directory, String name, int mode) {
    try (Fd node = Fs.openAt(directory, name, OpenFlag.PATH | OpenFlag.NO_FOLLOW, 0)) {
      if (!Fs.stat(node).isSymlink()) {
        Fs.chmod(node.procPath(), mode);
      }
    }
  }

  /** Removes what is in the way; true if a directory stays because a directory comes. */
  private boolean clear(Fd directory, String name, boolean keepDirectory) {
    Stat there;
    try {
      there = Fs.lstatAt(directory, name);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        return false;
      }
      throw e;
    }
    if (there.isDirectory()) {
      if (keepDirectory) {
        return true;
      }
      FileTree.removeTreeAt(directory, name);
    } else {
      Fs.unlinkAt(directory, name);
    }
    return false;
  }

  private void file(TarEntry entry, Fd directory, String name, TarReader reader) {
    if (entry.size() > options.maxBytes() - bytes) {
      throw new ArchiveException(
          ArchiveException.Reason.TOO_LARGE,
          "entry "
              + ArchiveException.quote(entry.name())
              + " raises the total size of the content to more than "
              + options.maxBytes()
              + " bytes");
    }
    bytes += entry.size();
    try (Fd fd =
        Fs.openAt(
            directory,
            name,
            OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_FOLLOW,
            0600)) {
      long at = 0;
      for (Segment segment : entry.segments()) {
        if (segment.length() == 0) {
          // GNU tar ends its map with an empty segment at the file's end.
          continue;
        }
        if (segment.offset() != at) {
          FileContent.seek(fd, segment.offset(), 0);
        }
        long left = segment.length();
        while (left > 0) {
          int n = reader.read(chunk, 0, (int) Math.min(CHUNK, left));
          if (n < 0) {
            throw ArchiveException.malformed(
                "entry "
                    + ArchiveException.quote(entry.name())
                    + " is shorter than its header says");
          }
          fd.writeAll(chunk, 0, n);
          storedBytes += n;
          left -= n;
        }
        at = segment.offset() + segment.length();
      }
      if (at < entry.size()) {
        FileContent.truncate(fd, entry.size());
      }
      Fs.chown(fd, entry.uid(), entry.gid());
      Fs.chmod(fd, entry.mode());
      EntryXattrs.set(entry, fd);
    }
    Fs.setTimesAt(directory, name, entry.mtimeSeconds(), entry.mtimeNanos());
  }

  private void link(TarEntry entry, List<String> parts, String name) {
    // Some writers (kaniko) give the target as an absolute path: it is one below the root.
    List<String> target = RootedPaths.components(entry.linkTarget(), entry.name(), false);
    if (target.isEmpty()) {
      throw ArchiveException.refused(entry.name(), "is a hard link to the root");
    }
    if (target.equals(parts)) {
      throw ArchiveException.refused(entry.name(), "is a hard link to itself");
    }
    String parent = RootedPaths.parent(parts);
    try (Fd from = paths.directory(RootedPaths.parent(target), entry.name()).duplicate(0)) {
      Stat source = Fs.lstatAt(from, target.getLast());
      if (source.isDirectory()) {
        throw ArchiveException.refused(entry.name(), "is a hard link to a directory");
      }
      Fd to = paths.directory(parent, entry.name());
      try {
        Stat there = Fs.lstatAt(to, name);
        if (there.inode() == source.inode()) {
          return;
        }
      } catch (LinuxException e) {
        if (e.errno() != Errno.ENOENT) {
          throw e;
        }
      }
      clear(to, name, false);
      Links.linkAt(from, target.getLast(), to, name);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT) {
        throw ArchiveException.refused(
            entry.name(),
            "is a hard link to "
                + ArchiveException.quote(entry.linkTarget())
                + ", which does not exist below the root");
      }
      throw e;
    }
  }

  @Override
  public void close() {
    paths.close();
  }
}
