package dev.casemate.cgroup;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.base.PathText;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.linux.Text;
import dev.casemate.oci.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Control groups of version 1: one in each hierarchy (cgroups(7), Documentation/admin-guide/
 * cgroup-v1). Where version 2 is mounted beside them (hybrid), there is a group in it, too: systemd
 * and programs that look for the group of a process by it find the container there, and it has what
 * version 1 lacks, such as the controller of huge pages.
 */
public final class CgroupV1 implements Cgroup {
  private static final int KILL_ROUNDS = 256;

  /**
   * A hierarchy and the container's place in it.
   *
   * @param controllers such as {@code cpu,cpuacct}, or {@code name=systemd}
   * @param path absolute, below {@code mount}
   */
  record Hierarchy(String controllers, String mount, String path) {
    String directory() {
      return mount + path;
    }
  }

  private final List<Hierarchy> hierarchies;
  private String unified;
  private final boolean optional;

  /**
   * Takes the hierarchies.
   *
   * @param unified directory of version 2 for controllers that are only there; empty if there is
   *     none
   * @param optional whether hierarchies that this process may not use are left out
   */
  CgroupV1(List<Hierarchy> hierarchies, String unified, boolean optional) {
    this.hierarchies = new ArrayList<>(hierarchies);
    this.unified = unified;
    this.optional = optional;
  }

  static CgroupV1 of(Json.Obj record) {
    List<Hierarchy> hierarchies = new ArrayList<>();
    for (Json.Obj one : record.objects("hierarchies")) {
      hierarchies.add(
          new Hierarchy(one.string("controllers"), one.string("mount"), one.string("path")));
    }
    return new CgroupV1(hierarchies, record.string("unified"), record.bool("optional", false));
  }

  @Override
  public Json.Obj record() {
    List<Json.Obj> list = new ArrayList<>();
    for (Hierarchy one : hierarchies) {
      list.add(
          new Json.Obj()
              .put("controllers", one.controllers())
              .put("mount", one.mount())
              .put("path", one.path()));
    }
    return new Json.Obj()
        .put("version", "v1")
        .put("unified", unified)
        .put("optional", optional)
        .putObjects("hierarchies", list);
  }

  @Override
  public String directory() {
    return directory("devices")
        .or(() -> directory("memory"))
        .or(() -> directory("name=systemd"))
        .orElse("");
  }

  /** The group in the hierarchy of a controller; empty if there is none. */
  Optional<String> directory(String controller) {
    for (Hierarchy one : hierarchies) {
      if (one.controllers().equals(controller)
          || Text.split(one.controllers(), ',').contains(controller)) {
        return Optional.of(one.directory());
      }
    }
    return Optional.empty();
  }

  /** Names of controllers to directories, for other processes' records. */
  List<Hierarchy> hierarchies() {
    return hierarchies;
  }

  @Override
  public void create() {
    List<String> made = new ArrayList<>();
    boolean done = false;
    try {
      create(made);
      done = true;
    } finally {
      for (int i = 0; i < made.size() && !done; i++) {
        CgroupTree.delete(made.get(i), 0);
      }
    }
  }

  private void create(List<String> all) {
    for (int i = hierarchies.size() - 1; i >= 0; i--) {
      Hierarchy one = hierarchies.get(i);
      try {
        boolean made = make(one.mount(), one.path());
        if (made) {
          all.add(one.directory());
        }
        if (!made && !empty(one.directory())) {
          throw CgroupValues.inUse(one.directory());
        }
        if (one.controllers().contains("freezer")
            && !CgroupFiles.read(one.directory() + "/freezer.state")
                .orElse("THAWED")
                .startsWith("THAWED")) {
          throw CgroupValues.frozen(one.directory());
        }
        if (made && one.controllers().contains("cpuset")) {
          CgroupV1Cpuset.inherit(one.mount(), one.path());
        }
      } catch (LinuxException e) {
        if (optional && Cgroups.isRefusal(e.errno())) {
          hierarchies.remove(i);
          continue;
        }
        throw Failures.of(CgroupValues.CREATING + one.directory(), e);
      }
    }
    if (!unified.isEmpty()) {
      beside(all);
    }
  }

  /**
   * Limits do not depend on the group of version 2: without the right to make it, there is none.
   */
  private void beside(List<String> all) {
    try {
      boolean made = make("", unified);
      if (made) {
        all.add(unified);
      } else if (!empty(unified)) {
        throw CgroupValues.inUse(unified);
      }
    } catch (LinuxException e) {
      if (!Cgroups.isRefusal(e.errno())) {
        throw Failures.of(CgroupValues.CREATING + unified, e);
      }
      unified = "";
    }
  }

  /** Makes a group and those above it; false if it was there. */
  private static boolean make(String mount, String path) {
    try {
      Fs.makeDirectory(mount + path, 0755);
      return true;
    } catch (LinuxException e) {
      if (e.errno() == Errno.EEXIST) {
        return false;
      }
      if (e.errno() != Errno.ENOENT || PathText.parent(path).equals("/")) {
        throw e;
      }
    }
    make(mount, PathText.parent(path));
    return make(mount, path);
  }

  private static boolean empty(String directory) {
    return CgroupFiles.read(directory + "/cgroup.procs").orElse("").isEmpty();
  }

  @Override
  public List<String> apply(Resources resources) {
    List<String> warnings = new ArrayList<>();
    if (!resources.unified().isEmpty()) {
      throw Failures.invalid(
          "invalid configuration: linux.resources.unified is for cgroup v2, and this machine has version 1; use memory,"
              + " cpu and the like");
    }
    new CgroupV1Limits(this, warnings).apply(resources);
    if (!resources.hugepageLimits().isEmpty()) {
      CgroupV1Hugepages.apply(this, unified, resources.hugepageLimits());
    }
    return warnings;
  }

  @Override
  public List<String> applyDevices(List<Resources.DeviceRule> rules) {
    Optional<String> directory = directory("devices");
    if (directory.isEmpty()) {
      if (optional || DeviceFilter.allowsAll(rules)) {
        return List.of();
      }
      throw Failures.precondition(
          "device rules cannot be set: the devices controller is not mounted; mount it at "
              + Cgroups.MOUNT_POINT
              + "/devices");
    }
    CgroupV1Devices.apply(directory.get(), DeviceFilter.withDefaults(rules));
    return List.of();
  }

  @Override
  public void add(int pid) {
    for (int i = hierarchies.size() - 1; i >= 0; i--) {
      Hierarchy one = hierarchies.get(i);
      try {
        FileContent.writeControl(one.directory() + "/cgroup.procs", Integer.toString(pid));
      } catch (LinuxException e) {
        if (!optional || !Cgroups.isRefusal(e.errno())) {
          throw Failures.of("moving process " + pid + " to cgroup " + one.directory(), e);
        }
        CgroupTree.delete(one.directory(), 0);
        hierarchies.remove(i);
      }
    }
    if (!unified.isEmpty()) {
      try {
        FileContent.writeControl(unified + "/cgroup.procs", Integer.toString(pid));
      } catch (LinuxException e) {
        if (!Cgroups.isRefusal(e.errno())) {
          throw Failures.of("moving process " + pid + " to cgroup " + unified, e);
        }
        CgroupTree.delete(unified, 0);
        unified = "";
      }
    }
  }

  /** Moves a process, with runc's words for what goes wrong. */
  static void add(int pid, String directory) {
    String file = directory + "/cgroup.procs";
    try {
      FileContent.writeControl(file, Integer.toString(pid));
    } catch (LinuxException e) {
      throw Failures.of(
          "error adding pid " + pid + " to cgroups", new LinuxException("open", file, e.errno()));
    }
  }

  @Override
  public void addBeside(int pid, int init) {
    for (Hierarchy one : hierarchies) {
      add(pid, one.directory());
    }
    if (!unified.isEmpty()) {
      version2().addBeside(pid, init);
    }
  }

  private CgroupV2 version2() {
    return new CgroupV2(Cgroups.UNIFIED, unified.substring(Cgroups.UNIFIED.length()));
  }

  @Override
  public void addBelow(int pid, int init, Map<String, String> paths) {
    String everywhere = paths.get("");
    for (String controller : paths.keySet()) {
      if (!controller.isEmpty() && directory(controller).isEmpty()) {
        throw Failures.invalid(
            "unknown controller "
                + controller
                + " in the path of a control group; name one that the container has a group of, as"
                + " /proc/self/cgroup lists them");
      }
    }
    for (Hierarchy one : hierarchies) {
      String path = everywhere;
      for (String controller : Text.split(one.controllers(), ',')) {
        path = paths.getOrDefault(controller, path);
      }
      add(pid, one.directory() + (path == null ? "" : CgroupV2.below(path)));
    }
    if (!unified.isEmpty()) {
      if (everywhere == null) {
        version2().addBeside(pid, init);
      } else {
        add(pid, unified + CgroupV2.below(everywhere));
      }
    }
  }

  @Override
  public CgroupStats stats() {
    return CgroupV1Stats.read(this, unified);
  }

  /** The hierarchy that is asked which processes there are: one that the container cannot leave. */
  private Optional<String> members() {
    return directory("freezer")
        .or(() -> directory("devices"))
        .or(() -> directory("pids"))
        .or(() -> directory("memory"))
        .or(() -> directory("name=systemd"));
  }

  @Override
  public List<Integer> processes() {
    List<Integer> pids = new ArrayList<>();
    members().ifPresent(directory -> CgroupTree.collect(directory, pids, 0));
    return pids;
  }

  @Override
  public void freeze(boolean frozen) {
    String directory =
        directory("freezer")
            .orElseThrow(
                () ->
                    Failures.precondition(
                        "the container cannot be paused: the freezer controller is not mounted or"
                            + " not delegated"));
    try {
      if (!frozen) {
        FileContent.writeControl(directory + "/freezer.state", "THAWED");
        return;
      }
      if (!CgroupV1Freezer.freeze(directory)) {
        FileContent.writeControl(directory + "/freezer.state", "THAWED");
        throw CasemateException.of(
            CasemateException.Kind.TIMEOUT,
            "cgroup "
                + directory
                + " did not freeze within "
                + CgroupV1Freezer.WAIT_MILLIS
                + " ms; try again");
      }
    } catch (LinuxException e) {
      throw Failures.of((frozen ? "freezing" : "thawing") + " cgroup " + directory, e);
    }
  }

  @Override
  public boolean isFrozen() {
    Optional<String> directory = directory("freezer");
    return directory.isPresent()
        && CgroupFiles.read(directory.get() + "/freezer.self_freezing").orElse("0").startsWith("1");
  }

  /** A frozen process of version 1 does not even end. */
  @Override
  public void letDie() {
    CgroupV1Freezer.thaw(directory("freezer"));
  }

  /** Nothing can fork while it is frozen: so a single round gets all, if there is a freezer. */
  @Override
  public void kill() {
    Optional<String> members = members();
    if (members.isEmpty()) {
      return;
    }
    Optional<String> freezer = directory("freezer");
    for (int round = 0; round < KILL_ROUNDS; round++) {
      List<Integer> pids = processes();
      if (pids.isEmpty() && round == 0) {
        CgroupV1Freezer.thaw(freezer);
        return;
      }
      boolean frozen = freezer.isPresent() && CgroupV1Freezer.tryFreeze(freezer.get());
      pids = processes();
      for (int pid : pids) {
        Processes.killIfExists(pid, Signals.KILL);
      }
      CgroupV1Freezer.thaw(freezer);
      if (frozen || pids.isEmpty()) {
        return;
      }
      CgroupV1Freezer.pause();
    }
  }

  @Override
  public void delete() {
    try {
      for (Hierarchy one : hierarchies) {
        CgroupTree.delete(one.directory(), 0);
      }
      if (!unified.isEmpty()) {
        CgroupTree.delete(unified, 0);
      }
    } catch (LinuxException e) {
      throw Failures.of("removing cgroup " + directory(), e);
    }
  }
}
