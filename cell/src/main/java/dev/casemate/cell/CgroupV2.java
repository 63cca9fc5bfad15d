package dev.casemate.cell;

import dev.casemate.oci.Resources;
import java.util.List;

/** A control group of the unified hierarchy (cgroups(7), Documentation/admin-guide/cgroup-v2). */
final class CgroupV2 implements Cgroup {
  private final String directory;

  CgroupV2(String mountPoint, String path) {
    directory = mountPoint + path;
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
  public CgroupStats stats() {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<Integer> processes() {
    return List.of();
  }

  @Override
  public void freeze(boolean frozen) {}

  @Override
  public void kill() {}

  @Override
  public void delete() {}

  @Override
  public String directory() {
    return directory;
  }
}
