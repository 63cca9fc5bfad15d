package dev.casemate.archive;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Stat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Times that directories shall have in the end. Entries below change them again and again, so they
 * are set last, in an order that does not matter.
 */
final class DirectoryTimes {
  private final Map<Long, Time> byInode = new LinkedHashMap<>();

  private final Retained retained;

  DirectoryTimes(Retained retained) {
    this.retained = retained;
  }

  private record Time(String path, long seconds, int nanos) {}

  /** What the archive says of a directory. */
  void set(Fd directory, String path, long seconds, int nanos) {
    long inode = Fs.stat(directory).inode();
    Time known = byInode.get(inode);
    if (known == null || known.path().length() < path.length()) {
      retained.add(path);
    }
    byInode.put(inode, new Time(path, seconds, nanos));
  }

  /** Keeps the time that a directory has now, unless something is known of it already. */
  void keep(Fd directory, String path) {
    Stat stat = Fs.stat(directory);
    if (!byInode.containsKey(stat.inode())) {
      retained.add(path);
      byInode.put(stat.inode(), new Time(path, stat.mtimeSeconds(), stat.mtimeNanos()));
    }
  }

  void apply(RootedPaths paths) {
    for (Time time : byInode.values()) {
      try (Fd directory = paths.find(time.path())) {
        Fs.setTimesAt(directory, ".", time.seconds(), time.nanos());
      } catch (LinuxException e) {
        // A later entry has replaced it.
      }
    }
    byInode.clear();
  }
}
