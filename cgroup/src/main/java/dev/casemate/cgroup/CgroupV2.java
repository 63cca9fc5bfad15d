package dev.casemate.cgroup;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.base.PathText;
import dev.casemate.linux.Bpf;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Text;
import dev.casemate.oci.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A control group of the unified hierarchy (cgroups(7), Documentation/admin-guide/cgroup-v2). */
public final class CgroupV2 implements Cgroup {
  /** The controllers that resources are about; each one makes every group dearer. */
  private static final List<String> OFFERED =
      List.of("cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma");

  private static final int FILE_LIMIT = 256 * 1024;
  private static final int POLLPRI = 2;
  private static final int WAIT_MILLIS = 2000;

  private final String mountPoint;
  private final String path;
  private final String directory;

  CgroupV2(String mountPoint, String path) {
    this.mountPoint = mountPoint;
    this.path = PathText.clean(path);
    this.directory = mountPoint + this.path;
    if (this.path.equals("/")) {
      throw Failures.invalid("cgroup path \"" + path + "\" is the root; name a group below it");
    }
  }

  @Override
  public String directory() {
    return directory;
  }

  @Override
  public Json.Obj record() {
    return new Json.Obj().put("version", "v2").put("mountPoint", mountPoint).put("path", path);
  }

  @Override
  public boolean isFrozen() {
    return CgroupFiles.number(directory + "/cgroup.freeze", 0) == 1;
  }

  /** Makes the group and those above it, which hand their controllers down. */
  @Override
  public void create() {
    try {
      String above = mountPoint;
      int start = 1;
      while (true) {
        delegate(above);
        int end = path.indexOf('/', start);
        String name = end < 0 ? path.substring(start) : path.substring(start, end);
        above = above + "/" + name;
        boolean made = makeDirectory(above);
        if (end < 0) {
          if (!made && !CgroupFiles.read(above + "/cgroup.procs").orElse("").isEmpty()) {
            throw CgroupValues.inUse(above);
          }
          refuseFrozen(made);
          return;
        }
        start = end + 1;
      }
    } catch (LinuxException e) {
      throw Failures.of(CgroupValues.CREATING + directory, e);
    }
  }

  /** Has all groups above a group that exists hand their controllers down. */
  static void delegateTo(String mountPoint, String path) {
    for (int end = 0; end >= 0; end = path.indexOf('/', end + 1)) {
      delegate(mountPoint + path.substring(0, end));
    }
  }

  /** The group may be frozen by itself, or by one above it. */
  private void refuseFrozen(boolean made) {
    String events = CgroupFiles.read(directory + "/cgroup.events").orElse("");
    if (CgroupFiles.field(events, "frozen", 0) == 1) {
      if (made) {
        Fs.removeDirectory(directory);
      }
      throw CgroupValues.frozen(directory);
    }
  }

  private static boolean makeDirectory(String path) {
    try {
      Fs.makeDirectory(path, 0755);
      return true;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
      return false;
    }
  }

  /** Enables the controllers of a group for its children; one that cannot be is left out. */
  private static void delegate(String directory) {
    String enabled =
        FileContent.readString(directory + "/cgroup.subtree_control", FILE_LIMIT).strip();
    String there = FileContent.readString(directory + "/cgroup.controllers", FILE_LIMIT).strip();
    if (enabled.length() == there.length()) {
      return;
    }
    List<String> have = Text.split(enabled, ' ');
    List<String> missing = new ArrayList<>();
    StringBuilder all = new StringBuilder();
    for (String controller : Text.split(there, ' ')) {
      if (!have.contains(controller) && OFFERED.contains(controller)) {
        missing.add("+" + controller);
        all.append(" +").append(controller);
      }
    }
    if (missing.isEmpty()) {
      return;
    }
    String file = directory + "/cgroup.subtree_control";
    try {
      FileContent.writeControl(file, all.substring(1));
    } catch (LinuxException e) {
      for (String controller : missing) {
        try {
          FileContent.writeControl(file, controller);
        } catch (LinuxException one) {
          // A later limit that needs it fails and says so.
        }
      }
    }
  }

  @Override
  public List<String> apply(Resources resources) {
    List<String> warnings = new ArrayList<>();
    checkUsage(resources);
    for (CgroupValues.Setting setting : CgroupValues.settings(resources)) {
      write(setting, warnings);
    }
    if (resources.memory().swappiness().isPresent()
        || resources.memory().kernel().orElse(0L) > 0
        || resources.memory().kernelTcp().orElse(0L) > 0) {
      warnings.add("memory.swappiness, kernel and kernelTCP do not exist in cgroup v2; ignored");
    }
    if (resources.cpu().realtimeRuntime().orElse(0L) > 0) {
      warnings.add("cpu.realtimeRuntime does not exist in cgroup v2; ignored");
    }
    if (resources.network().classId().orElse(0) != 0
        || !resources.network().priorities().isEmpty()) {
      warnings.add("network.classID and priorities do not exist in cgroup v2; ignored");
    }
    return warnings;
  }

  private void checkUsage(Resources resources) {
    if (!resources.memory().checkBeforeUpdate().orElse(false)) {
      return;
    }
    long used = CgroupFiles.number(directory + "/memory.current", -1);
    long swapped = CgroupFiles.number(directory + "/memory.swap.current", 0);
    long sum = resources.memory().swap().orElse(0L);
    if (sum > 0 && used + swapped > sum) {
      throw CgroupValues.belowUsage("memory+swap limit", sum, used + swapped);
    }
    long limit = resources.memory().limit().orElse(0L);
    if (limit > 0 && used > limit) {
      throw CgroupValues.belowUsage(limit, used);
    }
  }

  private void write(CgroupValues.Setting setting, List<String> warnings) {
    String file = directory + "/" + setting.file();
    try {
      FileContent.writeControl(file, setting.value());
      return;
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT && e.errno() != Errno.EOPNOTSUPP) {
        throw Failures.of("cgroup limit " + setting.file() + " = " + setting.value(), e);
      }
    }
    String value = setting.value();
    switch (setting.file()) {
      case "io.weight" -> {
        if (writeIfThere("io.bfq.weight", bfqWeight(value))) {
          return;
        }
        warnings.add("io.weight is not set: the kernel has no I/O scheduler with weights");
      }
      case "memory.swap.max" -> {
        // Without swap accounting there is nothing to limit but what is not there.
        if (!value.equals("max")) {
          warnings.add("memory.swap is not set: the kernel does not account for swap");
        }
      }
      case "cpu.idle", "cpu.max.burst" ->
          warnings.add(setting.file() + " is not set: the kernel does not support it");
      default -> {
        if (setting.file().endsWith(".rsvd.max")) {
          return;
        }
        int dot = setting.file().indexOf('.');
        throw CasemateException.of(
            CasemateException.Kind.FAILED_PRECONDITION,
            "cgroup limit "
                + setting.file()
                + " = "
                + value
                + " cannot be set: the kernel or the parent cgroup does not have the controller \""
                + setting.file().substring(0, Math.max(0, dot))
                + "\"; enable it");
      }
    }
  }

  /** BFQ's weights are 1 to 1000. */
  private static String bfqWeight(String value) {
    int blank = value.indexOf(' ');
    long weight = Long.parseLong(value.substring(blank + 1));
    return value.substring(0, blank + 1) + Math.max(1, weight / 10);
  }

  private boolean writeIfThere(String file, String value) {
    try {
      FileContent.writeControl(directory + "/" + file, value);
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.EOPNOTSUPP) {
        return false;
      }
      throw Failures.of("cgroup limit " + file + " = " + value, e);
    }
  }

  @Override
  public List<String> applyDevices(List<Resources.DeviceRule> rules) {
    List<Resources.DeviceRule> all = DeviceFilter.withDefaults(rules);
    try (Fd group = Fs.open(directory, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY);
        Fd program = Bpf.loadDeviceProgram(DeviceFilter.compile(all))) {
      Bpf.attachDeviceProgram(group, program);
      return List.of();
    } catch (LinuxException e) {
      if (DeviceFilter.allowsAll(rules)) {
        return List.of("no device filter is set, and none is needed: " + e.getMessage());
      }
      throw Failures.of("device filter of cgroup " + directory, e);
    }
  }

  @Override
  public void add(int pid) {
    try {
      FileContent.writeControl(directory + "/cgroup.procs", Integer.toString(pid));
    } catch (LinuxException e) {
      throw Failures.of("moving process " + pid + " to cgroup " + directory, e);
    }
  }

  @Override
  public void addBeside(int pid, int init) {
    try {
      FileContent.writeControl(directory + "/cgroup.procs", Integer.toString(pid));
      return;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EBUSY && e.errno() != Errno.EOPNOTSUPP) {
        throw Failures.of("moving process " + pid + " to cgroup " + directory, e);
      }
    }
    // The container has made groups of its own: its first process is in one of them.
    try {
      for (String line :
          Text.split(FileContent.readString("/proc/" + init + "/cgroup", FILE_LIMIT), '\n')) {
        if (line.startsWith("0::") && !line.contains("/../")) {
          String group = mountPoint + line.substring(3) + "/cgroup.procs";
          FileContent.writeControl(group, Integer.toString(pid));
          return;
        }
      }
    } catch (LinuxException e) {
      throw Failures.of("moving process " + pid + " to the cgroup of process " + init, e);
    }
  }

  @Override
  public void addBelow(int pid, int init, Map<String, String> paths) {
    String path = paths.get("");
    if (path == null || paths.size() > 1) {
      throw Failures.invalid(
          "unknown controller "
              + String.join(", ", paths.keySet())
              + " in the path of a control group: cgroup v2 has one hierarchy; give the path alone");
    }
    CgroupV1.add(pid, directory + below(path));
  }

  /** A relative path that stays below where it starts; empty for where it starts. */
  static String below(String path) {
    if (("/" + path + "/").contains("/../")) {
      throw Failures.invalid(
          "bad sub cgroup path: " + path + " is not a sub cgroup path; name a group below it");
    }
    String clean = PathText.clean(path);
    return clean.equals("/") ? "" : clean;
  }

  @Override
  public CgroupStats stats() {
    return CgroupFiles.stats(directory);
  }

  @Override
  public List<Integer> processes() {
    List<Integer> pids = new ArrayList<>();
    CgroupTree.collect(directory, pids, 0);
    return pids;
  }

  @Override
  public void freeze(boolean frozen) {
    try (Fd events = Fs.open(directory + "/cgroup.events", OpenFlag.READ_ONLY)) {
      FileContent.writeControl(directory + "/cgroup.freeze", frozen ? "1" : "0");
      if (!awaitEvent(events, "frozen", frozen ? 1 : 0)) {
        if (frozen) {
          FileContent.writeControl(directory + "/cgroup.freeze", "0");
        }
        throw CasemateException.of(
            CasemateException.Kind.TIMEOUT,
            "cgroup "
                + directory
                + " did not "
                + (frozen ? "freeze" : "thaw")
                + " within "
                + WAIT_MILLIS
                + " ms; try again");
      }
    } catch (LinuxException e) {
      throw Failures.of((frozen ? "freezing" : "thawing") + " cgroup " + directory, e);
    }
  }

  /** Waits until a field of {@code cgroup.events} has a value; the kernel signals changes. */
  private static boolean awaitEvent(Fd events, String field, long value) {
    long deadline = System.nanoTime() + WAIT_MILLIS * 1_000_000L;
    while (true) {
      FileContent.seek(events, 0, 0);
      byte[] text = FileContent.readBytes(events, "cgroup.events", FILE_LIMIT);
      String content = new String(text, java.nio.charset.StandardCharsets.UTF_8);
      if (CgroupFiles.field(content, field, -1) == value) {
        return true;
      }
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return false;
      }
      Poll.await(events, POLLPRI, (int) left);
    }
  }

  @Override
  public void kill() {
    try {
      FileContent.writeControl(directory + "/cgroup.kill", "1");
      return;
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENODEV
          || (e.errno() == Errno.ENOENT && !Fs.exists(directory + "/cgroup.procs"))) {
        return;
      }
      if (e.errno() != Errno.ENOENT) {
        throw Failures.of("killing cgroup " + directory, e);
      }
    }
    // Before 5.14: what is forked meanwhile is found in the next round.
    for (int round = 0; round < 64; round++) {
      List<Integer> pids = processes();
      if (pids.isEmpty()) {
        return;
      }
      for (int pid : pids) {
        Processes.killIfExists(pid, Signals.KILL);
      }
    }
  }

  @Override
  public void delete() {
    try {
      CgroupTree.delete(directory, 0);
    } catch (LinuxException e) {
      throw Failures.of("removing cgroup " + directory, e);
    }
  }
}
