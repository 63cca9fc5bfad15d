package dev.casemate.cgroup;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.base.Json;
import dev.casemate.linux.LinuxException;
import dev.casemate.oci.Resources;
import java.util.List;
import java.util.Map;

/**
 * A control group that is done without where this process may not make it: that of an ordinary
 * user's container. Limits that are asked for are an error then, not silence.
 */
final class OptionalCgroup implements Cgroup {
  private final Cgroup wanted;
  private Cgroup actual;

  OptionalCgroup(Cgroup wanted) {
    this.wanted = wanted;
    this.actual = wanted;
  }

  @Override
  public Json.Obj record() {
    return actual.record();
  }

  @Override
  public void create() {
    try {
      wanted.create();
    } catch (CasemateException e) {
      giveUp(e, false);
    }
  }

  private void giveUp(CasemateException e, boolean made) {
    if (e.getCause() instanceof LinuxException cause && Cgroups.isRefusal(cause.errno())) {
      if (made) {
        wanted.delete();
      }
      actual = Cgroup.none();
      return;
    }
    throw e;
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // Whether it is the one that was wanted, not one like it.
  public List<String> apply(Resources resources) {
    if (actual instanceof NoCgroup && !CgroupValues.settings(resources).isEmpty()) {
      throw Failures.precondition(
          "rootless needs no limits + no cgrouppath when no permission is granted for cgroups:"
              + " delegate a group to this user, or remove linux.resources");
    }
    return actual.apply(resources);
  }

  @Override
  public List<String> applyDevices(List<Resources.DeviceRule> rules) {
    // A user who cannot create device nodes needs no filter, and cannot load one.
    return List.of();
  }

  @Override
  public void add(int pid) {
    try {
      actual.add(pid);
    } catch (CasemateException e) {
      giveUp(e, true);
    }
  }

  @Override
  public void addBeside(int pid, int init) {
    actual.addBeside(pid, init);
  }

  @Override
  public void addBelow(int pid, int init, Map<String, String> paths) {
    actual.addBelow(pid, init, paths);
  }

  @Override
  public CgroupStats stats() {
    return actual.stats();
  }

  @Override
  public List<Integer> processes() {
    return actual.processes();
  }

  @Override
  public void freeze(boolean frozen) {
    actual.freeze(frozen);
  }

  @Override
  public boolean isFrozen() {
    return actual.isFrozen();
  }

  @Override
  public void letDie() {
    actual.letDie();
  }

  @Override
  public void kill() {
    actual.kill();
  }

  @Override
  public void delete() {
    actual.delete();
  }

  @Override
  public String directory() {
    return actual.directory();
  }
}
