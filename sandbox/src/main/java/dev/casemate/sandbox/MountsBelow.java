package dev.casemate.sandbox;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is mounted below a directory of the host. Somebody who can write there, such as a guest, may
 * move directories and plant links meanwhile: a mount is opened step by step and taken by its
 * number, never by its path alone.
 */
final class MountsBelow {
  private static final int FILE_LIMIT = 16 << 20;

  private MountsBelow() {}

  /**
   * The topmost writable mounts below a directory, by their paths in it, in the order in which they
   * were mounted.
   */
  static List<String> writable(String directory) {
    String base;
    try (Fd source = Fs.open(directory, OpenFlag.PATH)) {
      if (!Fs.stat(source).isDirectory()) {
        return List.of();
      }
      base = Links.readLink(source.procPath());
    }
    String prefix = base.equals("/") ? "/" : base + "/";
    Map<String, Boolean> below = new LinkedHashMap<>();
    for (Mounts.Info mount : Mounts.listOfThread()) {
      if (mount.target().startsWith(prefix)) {
        // One may lie over the other; the last one is seen.
        below.put(mount.target().substring(prefix.length()), isWritable(mount));
      }
    }
    List<String> paths = new ArrayList<>();
    for (Map.Entry<String, Boolean> mount : below.entrySet()) {
      if (mount.getValue() && !isBelowOneOf(paths, mount.getKey())) {
        paths.add(mount.getKey());
      }
    }
    return paths;
  }

  private static boolean isBelowOneOf(List<String> directories, String path) {
    for (String directory : directories) {
      if (path.startsWith(directory + "/")) {
        return true;
      }
    }
    return false;
  }

  private static boolean isWritable(Mounts.Info mount) {
    return !Text.split(mount.options(), ',').contains("ro");
  }

  /** Opens the mount at a path below a directory; empty if none is there any more. */
  static Optional<Fd> open(String directory, String below) {
    int resolve = OpenFlag.RESOLVE_BENEATH | OpenFlag.RESOLVE_NO_SYMLINKS;
    try (Fd source = Fs.open(directory, OpenFlag.PATH)) {
      Fd opened = Fs.openResolved(source, below, OpenFlag.PATH, 0, resolve);
      if (isRootOfMount(opened, source, below)) {
        return Optional.of(opened);
      }
      opened.close();
      return Optional.empty();
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ELOOP || e.errno() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static boolean isRootOfMount(Fd opened, Fd source, String below) {
    int slash = below.lastIndexOf('/');
    int resolve = OpenFlag.RESOLVE_BENEATH | OpenFlag.RESOLVE_NO_SYMLINKS;
    try (Fd parent =
        slash < 0
            ? Fs.openAt(source, ".", OpenFlag.PATH, 0)
            : Fs.openResolved(source, below.substring(0, slash), OpenFlag.PATH, 0, resolve)) {
      return mountId(parent) != mountId(opened);
    }
  }

  private static long mountId(Fd fd) {
    String info = FileContent.readString("/proc/thread-self/fdinfo/" + fd.number(), FILE_LIMIT);
    for (String line : Text.split(info, '\n')) {
      if (line.startsWith("mnt_id:")) {
        return Long.parseLong(line.substring("mnt_id:".length()).strip());
      }
    }
    throw new IllegalStateException("no mnt_id in " + info);
  }
}
