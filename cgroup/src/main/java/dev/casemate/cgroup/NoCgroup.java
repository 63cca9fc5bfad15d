package dev.casemate.cgroup;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.oci.Resources;
import java.util.List;
import java.util.Map;

/** The absence of a control group. */
final class NoCgroup implements Cgroup {
  static final NoCgroup INSTANCE = new NoCgroup();

  private static CasemateException missing(String what) {
    return CasemateException.of(
        CasemateException.Kind.FAILED_PRECONDITION,
        "the container has no cgroup, which is required to " + what + "; create it with one");
  }

  @Override
  public Json.Obj record() {
    return new Json.Obj().put("version", "none");
  }

  @Override
  public boolean isFrozen() {
    return false;
  }

  @Override
  public void create() {}

  @Override
  public List<String> apply(Resources resources) {
    return List.of();
  }

  @Override
  public List<String> applyDevices(List<Resources.DeviceRule> rules) {
    return List.of();
  }

  @Override
  public void add(int pid) {}

  @Override
  public void addBeside(int pid, int init) {}

  @Override
  public void addBelow(int pid, int init, Map<String, String> paths) {
    throw missing("have groups below it");
  }

  @Override
  public CgroupStats stats() {
    throw missing("measure it");
  }

  @Override
  public List<Integer> processes() {
    return List.of();
  }

  @Override
  public void freeze(boolean frozen) {
    throw missing("pause it");
  }

  @Override
  public void kill() {}

  @Override
  public void delete() {}

  @Override
  public String directory() {
    return "";
  }
}
