package dev.casemate.hypervisor;

import dev.casemate.base.Json;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;

/**
 * By what a file is known to be the same and unchanged: any write, even of one bit, changes its
 * time of change, which no program can set back.
 */
public record FileMark(long inode, long size, long changedSeconds, int changedNanos) {
  /**
   * The mark of a file.
   *
   * @throws dev.casemate.linux.LinuxException if there is no such file
   */
  public static FileMark of(String path) {
    Stat stat = Fs.stat(path);
    return new FileMark(stat.inode(), stat.size(), stat.ctimeSeconds(), stat.ctimeNanos());
  }

  /** Compared by its parts: a record's own method costs what a start has no time for. */
  public boolean isSameAs(FileMark other) {
    return inode == other.inode
        && size == other.size
        && changedSeconds == other.changedSeconds
        && changedNanos == other.changedNanos;
  }

  /**
   * Which version of a program or a guest's file this is: packages and builds replace it by another
   * file. Links to it, which change more than its content, do not count.
   *
   * @throws dev.casemate.linux.LinuxException if there is no such file
   */
  public static String version(String path) {
    Stat stat = Fs.stat(path);
    return stat.inode() + ":" + stat.size() + ":" + stat.mtimeSeconds() + "." + stat.mtimeNanos();
  }

  public Json.Obj toJson() {
    return new Json.Obj()
        .put("inode", inode)
        .put("size", size)
        .put("changedSeconds", changedSeconds)
        .put("changedNanos", changedNanos);
  }

  public static FileMark fromJson(Json.Obj json) {
    return new FileMark(
        json.integer("inode", 0),
        json.integer("size", 0),
        json.integer("changedSeconds", 0),
        (int) json.integer("changedNanos", 0));
  }
}
