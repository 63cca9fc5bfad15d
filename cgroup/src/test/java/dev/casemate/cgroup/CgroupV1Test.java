package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.oci.Resources;
import dev.casemate.testsupport.Wait;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** On the machine's own hierarchies of version 1, where it has them. */
@Tag("root")
class CgroupV1Test {
  private static final String PARENT = "/casemate-v1-test-" + Processes.currentPid();

  private final List<Integer> children = new ArrayList<>();
  private Cgroup cgroup;

  @BeforeEach
  void create() {
    Cgroups.Layout layout = Cgroups.layout();
    Assumptions.assumeTrue(
        layout == Cgroups.Layout.LEGACY || layout == Cgroups.Layout.HYBRID,
        "this machine has no control groups of version 1");
    cgroup = Cgroups.of(PARENT + "/inner", "unused", false);
    cgroup.create();
    cgroup.create();
  }

  @AfterEach
  void delete() {
    if (cgroup == null) {
      return;
    }
    cgroup.kill();
    for (int pid : children) {
      Processes.waitFor(pid, 0);
    }
    cgroup.delete();
    cgroup.delete();
    for (CgroupV1.Hierarchy one : hierarchies()) {
      assertThat(Fs.exists(one.directory())).as(one.directory()).isFalse();
      Fs.removeDirectory(one.mount() + PARENT);
    }
    if (Fs.exists(Cgroups.UNIFIED + PARENT)) {
      Fs.removeDirectory(Cgroups.UNIFIED + PARENT);
    }
  }

  private List<CgroupV1.Hierarchy> hierarchies() {
    return ((CgroupV1) cgroup).hierarchies();
  }

  private int spawn(String command) {
    int pid =
        Spawn.program("/bin/sh", List.of("sh", "-c", command))
            .stdio(Fd.STDIN, Fd.STDOUT, Fd.STDERR)
            .start();
    children.add(pid);
    return pid;
  }

  private String read(String controller, String file) {
    return FileContent.readString(
            ((CgroupV1) cgroup).directory(controller).orElseThrow() + "/" + file, 4096)
        .strip();
  }

  private static Resources resources(String json) {
    return Resources.fromJson(Json.parseObject(json));
  }

  @Test
  void everyHierarchyHasTheGroupAndACpusetThatTakesProcesses() {
    assertThat(read("cpuset", "cpuset.cpus")).isNotEmpty();
    assertThat(read("cpuset", "cpuset.mems")).isNotEmpty();
    int pid = spawn("exec sleep 100");
    cgroup.add(pid);
    for (CgroupV1.Hierarchy one : hierarchies()) {
      assertThat(FileContent.readString(one.directory() + "/cgroup.procs", 100))
          .isEqualTo(pid + "\n");
    }
    assertThat(cgroup.processes()).containsExactly(pid);
  }

  @Test
  void limitsAreThoseOfTheSpec() {
    cgroup.apply(
        resources(
            "{\"memory\":{\"limit\":67108864,\"swap\":134217728,\"reservation\":33554432},"
                + "\"cpu\":{\"shares\":512,\"quota\":50000,\"period\":200000,\"cpus\":\"0\"},"
                + "\"pids\":{\"limit\":77}}"));
    assertThat(read("memory", "memory.limit_in_bytes")).isEqualTo("67108864");
    assertThat(read("memory", "memory.memsw.limit_in_bytes")).isEqualTo("134217728");
    assertThat(read("memory", "memory.soft_limit_in_bytes")).isEqualTo("33554432");
    assertThat(read("cpu", "cpu.shares")).isEqualTo("512");
    assertThat(read("cpu", "cpu.cfs_quota_us")).isEqualTo("50000");
    assertThat(read("cpu", "cpu.cfs_period_us")).isEqualTo("200000");
    assertThat(read("cpuset", "cpuset.cpus")).isEqualTo("0");
    assertThat(read("pids", "pids.max")).isEqualTo("77");
  }

  @Test
  void memoryAndSwapAreRaisedAndLoweredInTheOrderThatTheKernelTakes() {
    cgroup.apply(resources("{\"memory\":{\"limit\":67108864,\"swap\":67108864}}"));
    cgroup.apply(resources("{\"memory\":{\"limit\":134217728,\"swap\":268435456}}"));
    assertThat(read("memory", "memory.limit_in_bytes")).isEqualTo("134217728");
    cgroup.apply(resources("{\"memory\":{\"limit\":33554432,\"swap\":33554432}}"));
    assertThat(read("memory", "memory.memsw.limit_in_bytes")).isEqualTo("33554432");
    cgroup.apply(resources("{\"memory\":{\"limit\":-1}}"));
    assertThat(read("memory", "memory.limit_in_bytes")).isEqualTo("9223372036854771712");
    assertThat(read("memory", "memory.memsw.limit_in_bytes")).isEqualTo("9223372036854771712");
  }

  @Test
  void aPeriodThatIsTooShortForThePresentQuotaIsSetAfterTheQuota() {
    cgroup.apply(resources("{\"cpu\":{\"quota\":500000,\"period\":1000000}}"));
    cgroup.apply(resources("{\"cpu\":{\"quota\":5000,\"period\":10000}}"));
    assertThat(read("cpu", "cpu.cfs_period_us")).isEqualTo("10000");
    assertThat(read("cpu", "cpu.cfs_quota_us")).isEqualTo("5000");
    cgroup.apply(resources("{\"cpu\":{\"quota\":-1}}"));
    assertThat(read("cpu", "cpu.cfs_quota_us")).isEqualTo("-1");
  }

  @Test
  void impossibleLimitsSayWhich() {
    assertThatThrownBy(() -> cgroup.apply(resources("{\"memory\":{\"limit\":2000,\"swap\":1000}}")))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("memory.swap 1000")
        .hasMessageContaining("2000");
    assertThatThrownBy(() -> cgroup.apply(resources("{\"cpu\":{\"cpus\":\"900-910\"}}")))
        .hasMessageContaining("cpuset.cpus")
        .hasMessageContaining("900-910");
    assertThatThrownBy(() -> cgroup.apply(resources("{\"unified\":{\"memory.high\":\"1\"}}")))
        .hasMessageContaining("cgroup v2");
    assertThatThrownBy(() -> cgroup.apply(resources("{\"memory\":{\"swappiness\":101}}")))
        .hasMessageContaining("swappiness 101");
  }

  @Test
  void aFrozenGroupLosesNoProcessAndIsKilledAllTheSame() {
    int pid = spawn("while :; do sleep 0.01; done");
    cgroup.add(pid);
    cgroup.freeze(true);
    assertThat(cgroup.isFrozen()).isTrue();
    List<Integer> before = cgroup.processes();
    assertThat(before).contains(pid);
    assertThat(cgroup.processes()).isEqualTo(before);
    cgroup.freeze(false);
    assertThat(cgroup.isFrozen()).isFalse();
    cgroup.freeze(true);
    cgroup.kill();
    assertThat(Processes.waitFor(pid, 0).orElseThrow().signal()).isEqualTo(9);
    children.removeIf(child -> child == pid);
  }

  @Test
  void killingMissesNoneOfThoseThatAreBeingForked() {
    // Each one leaves a child and ends; who looks twice sees different pids.
    int pid = spawn("bomb() { (bomb) & sleep 0.005; }; for i in 1 2 3 4; do bomb & done; wait");
    cgroup.apply(resources("{\"pids\":{\"limit\":200}}"));
    cgroup.add(pid);
    int other = spawn("f() { sleep 0.002; sh -c \"$0\" & }; while :; do f; done");
    cgroup.add(other);
    Wait.millis(100);
    cgroup.kill();
    Wait.until(10, () -> "the end of " + cgroup.processes(), () -> cgroup.processes().isEmpty());
  }

  @Test
  void theDeviceListIsWhatTheRulesComeTo() {
    cgroup.applyDevices(
        resources(
                "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
                    + "{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}]}")
            .devices());
    String list = read("devices", "devices.list");
    assertThat(list).contains("c 10:229 rw").contains("c 1:3 rwm").doesNotContain("a *:*");
    cgroup.applyDevices(resources("{\"devices\":[{\"allow\":true}]}").devices());
    assertThat(read("devices", "devices.list")).isEqualTo("a *:* rwm");
  }

  @Test
  void whatWasUsedIsCounted() {
    // What it had before it came stays with the group that it came from: it must take more.
    int pid = spawn("while :; do x=$(head -c 500000 /dev/zero | tr '\\0' x); done");
    cgroup.add(pid);
    Wait.until(
        20,
        () -> "processor time and memory: " + cgroup.stats(),
        () -> cgroup.stats().cpu().totalMicros() >= 1000 && cgroup.stats().memory().usage() > 0);
    CgroupStats stats = cgroup.stats();
    assertThat(stats.cpu().totalMicros()).isPositive();
    assertThat(stats.memory().usage()).isPositive();
    assertThat(stats.memory().limit()).isEqualTo(-1);
    assertThat(stats.memory().stat()).containsKey("total_rss");
    assertThat(stats.pids().current()).isPositive();
  }

  @Test
  void aGroupWithProcessesIsNotTaken() {
    int pid = spawn("exec sleep 100");
    cgroup.add(pid);
    assertThatThrownBy(() -> Cgroups.of(PARENT + "/inner", "x", false).create())
        .hasMessageContaining("cgroup is not empty")
        .hasMessageContaining("inner");
  }

  @Test
  void anotherProcessFindsTheGroupByItsRecord() {
    int pid = spawn("exec sleep 100");
    cgroup.add(pid);
    Cgroup found = Cgroup.of(Json.parseObject(cgroup.record().text()));
    assertThat(found.processes()).containsExactly(pid);
    assertThat(found.directory()).isEqualTo(cgroup.directory());
  }

  @Test
  void systemdsFormOfAPathIsRefused() {
    assertThatThrownBy(() -> Cgroups.of("system.slice:docker:abc", "abc", false))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining("system.slice:docker:abc")
        .hasMessageContaining("cgroupfs");
  }

  @Test
  void realTimeIsShortenedAndLengthenedInTheOrderThatTheKernelTakes() {
    Assumptions.assumeTrue(
        Fs.exists(((CgroupV1) cgroup).directory("cpu").orElseThrow() + "/cpu.rt_period_us"),
        "this machine has no real-time groups");
    String parent = ((CgroupV1) cgroup).directory("cpu").orElseThrow() + "/../cpu.rt_runtime_us";
    FileContent.writeControl(parent, "900000");
    for (String[] pair : new String[][] {{"900001", "600001"}, {"10000", "3000"}}) {
      cgroup.apply(
          resources(
              "{\"cpu\":{\"realtimePeriod\":"
                  + pair[0]
                  + ",\"realtimeRuntime\":"
                  + pair[1]
                  + "}}"));
      assertThat(read("cpu", "cpu.rt_period_us")).isEqualTo(pair[0]);
      assertThat(read("cpu", "cpu.rt_runtime_us")).isEqualTo(pair[1]);
    }
  }

  @Test
  void noProcessesMeansOne() {
    cgroup.apply(resources("{\"pids\":{\"limit\":0}}"));
    assertThat(read("pids", "pids.max")).isEqualTo("1");
  }

  @Test
  void theGroupOfVersion2BesideItIsMadeAndTakesTheProcesses() {
    Assumptions.assumeTrue(
        Cgroups.layout() == Cgroups.Layout.HYBRID,
        "this machine has no version 2 beside version 1");
    int pid = spawn("exec sleep 100");
    cgroup.add(pid);
    assertThat(FileContent.readString("/proc/" + pid + "/cgroup", 4096))
        .contains("0::" + PARENT + "/inner\n");
  }

  @Test
  void sharesThatTheKernelWouldChangeAreRefused() {
    assertThatThrownBy(() -> cgroup.apply(resources("{\"cpu\":{\"shares\":1}}")))
        .hasMessageContaining("the minimum allowed cpu-shares is 2");
    assertThatThrownBy(() -> cgroup.apply(resources("{\"cpu\":{\"shares\":262145}}")))
        .hasMessageContaining("the maximum allowed cpu-shares is 262144");
    cgroup.apply(resources("{\"cpu\":{\"shares\":262144}}"));
    assertThat(read("cpu", "cpu.shares")).isEqualTo("262144");
  }
}
