package dev.casemate.cgroup;

import dev.casemate.base.Json;
import dev.casemate.oci.Resources;
import java.util.List;
import java.util.Map;

/** A control group; the engine knows no more of cgroup versions than this. */
public interface Cgroup {
  /** No control group: no limits, no statistics, no freezing. */
  static Cgroup none() {
    return NoCgroup.INSTANCE;
  }

  /**
   * The cgroup v2 at {@code path} (absolute, as in {@code /proc/self/cgroup}) below {@code
   * /sys/fs/cgroup}.
   */
  static Cgroup v2(String path) {
    return new CgroupV2("/sys/fs/cgroup", path);
  }

  /** The one that {@link #record} was asked of. */
  static Cgroup of(Json.Obj record) {
    return switch (record.string("version")) {
      case "v1" -> CgroupV1.of(record);
      case "v2" -> new CgroupV2(record.string("mountPoint"), record.string("path"));
      default -> none();
    };
  }

  /** What another process needs to find the group again. */
  Json.Obj record();

  /** Makes it with the controllers that its parents have; it may exist and be empty. */
  void create();

  /**
   * Sets limits; absent ones remain unchanged. Returns warnings about limits that could not be set
   * without being an error.
   */
  List<String> apply(Resources resources);

  /** Sets which devices may be used; replaces what was set before. */
  List<String> applyDevices(List<Resources.DeviceRule> rules);

  /** Moves a process into it. */
  void add(int pid);

  /** Moves a process into the one that {@code init} is in now, which may be further down. */
  void addBeside(int pid, int init);

  /**
   * Moves a process into groups below it; where none is named, beside {@code init}.
   *
   * @param paths controller to relative path, which must exist; the controller "" stands for all,
   *     and is the only one that version 2 knows
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT for a controller that there is no
   *     group of or a path that leads out, NOT_FOUND for a group that does not exist
   */
  void addBelow(int pid, int init, Map<String, String> paths);

  CgroupStats stats();

  /** The pids in it and below it. */
  List<Integer> processes();

  /** Stops or continues all processes; returns once that is done. */
  void freeze(boolean frozen);

  boolean isFrozen();

  /** Lets frozen processes end after a SIGKILL, where the signal alone is not enough. */
  default void letDie() {}

  /** Ends all processes, those that are being forked too. */
  void kill();

  /** Removes it and what is below it; missing is fine. */
  void delete();

  /** Path of its directory; empty if it has none. */
  String directory();
}
