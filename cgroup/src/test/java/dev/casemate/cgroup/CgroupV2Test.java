package dev.casemate.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.ProcessTable;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.DefaultSpec;
import dev.casemate.oci.Resources;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** On a real unified hierarchy, as far as the machine's goes. */
@Tag("root")
class CgroupV2Test {
  private static final String MOUNT =
      Fs.exists("/sys/fs/cgroup/cgroup.procs") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";

  private CgroupV2 cgroup;

  @BeforeEach
  void create() {
    cgroup = new CgroupV2(MOUNT, "/casemate-test-" + Processes.currentPid() + "/inner");
    cgroup.create();
    cgroup.create();
  }

  @AfterEach
  void delete() {
    cgroup.delete();
    cgroup.delete();
    Fs.removeDirectory(MOUNT + "/casemate-test-" + Processes.currentPid());
  }

  private static int sleeper() {
    return Spawn.program("/bin/sleep", List.of("sleep", "100"))
        .stdio(Fd.STDIN, Fd.STDOUT, Fd.STDERR)
        .start();
  }

  @Test
  void processesAreFrozenCountedAndKilled() {
    int pid = sleeper();
    cgroup.add(pid);
    assertThat(cgroup.processes()).containsExactly(pid);
    cgroup.freeze(true);
    assertThat(FileContent.readString(cgroup.directory() + "/cgroup.events", 1000))
        .contains("frozen 1");
    cgroup.freeze(false);
    // A group of the container's own, with its first process in it.
    Fs.makeDirectory(cgroup.directory() + "/own", 0755);
    int other = sleeper();
    FileContent.writeControl(cgroup.directory() + "/own/cgroup.procs", "" + other);
    assertThat(cgroup.processes()).containsExactlyInAnyOrder(pid, other);
    assertThat(ProcessTable.read(other).orElseThrow().commandLine()).isEqualTo("sleep 100");
    assertThat(ProcessTable.read(other).orElseThrow().ppid()).isEqualTo(Processes.currentPid());
    cgroup.kill();
    for (int child : new int[] {pid, other}) {
      WaitStatus status = Processes.waitFor(child, 0).orElseThrow();
      assertThat(status.signal()).isEqualTo(9);
    }
    assertThat(ProcessTable.read(other)).isEmpty();
  }

  @Test
  void theTimeThatProcessesWaitedIsToldWhereTheKernelCountsIt() {
    boolean counted = Fs.exists(cgroup.directory() + "/cpu.pressure");
    assertThat(cgroup.stats().cpu().pressure().isPresent()).isEqualTo(counted);
    assertThat(cgroup.stats().ioPressure().isPresent()).isEqualTo(counted);
    assertThat(cgroup.stats().memory().pressure().isPresent()).isEqualTo(counted);
  }

  @Test
  void devicesAreFiltered() {
    cgroup.applyDevices(DefaultSpec.deviceRules());
    cgroup.applyDevices(List.of());
    int pid =
        Spawn.program(
                "/bin/sh",
                List.of(
                    "sh", "-c", "echo $$ >" + cgroup.directory() + "/cgroup.procs; : </dev/kmsg"))
            .start();
    assertThat(Processes.waitFor(pid, 0).orElseThrow().exitStatus()).isNotZero();
    pid =
        Spawn.program(
                "/bin/sh",
                List.of(
                    "sh", "-c", "echo $$ >" + cgroup.directory() + "/cgroup.procs; : </dev/zero"))
            .start();
    assertThat(Processes.waitFor(pid, 0).orElseThrow().exitStatus()).isZero();
  }

  @Test
  void aLimitWithoutItsControllerIsAnErrorThatNamesIt() {
    if (Fs.exists(cgroup.directory() + "/pids.max")) {
      cgroup.apply(resources("{\"pids\": {\"limit\": 7}}"));
      assertThat(cgroup.stats().pids().limit()).isEqualTo(7);
    } else {
      assertThatThrownBy(() -> cgroup.apply(resources("{\"pids\": {\"limit\": 7}}")))
          .hasMessageContaining("controller \"pids\"");
      assertThat(cgroup.stats().pids().limit()).isEqualTo(-1);
    }
  }

  private static Resources resources(String json) {
    return Resources.fromJson(Json.parseObject(json));
  }
}
