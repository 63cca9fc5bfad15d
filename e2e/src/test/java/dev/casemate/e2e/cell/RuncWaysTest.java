package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.casemate.base.Json;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where the specification leaves a choice, or says nothing, the cell does what runc does. */
class RuncWaysTest extends SpecTest {
  private static void started(String command) {
    bundle("sh", "-c", command);
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
  }

  private static void resources(Bundle bundle, String text) {
    bundle.linux().put("resources", json(text));
  }

  /** The content of a file of the container's group, in whatever hierarchy it is. */
  private static String group(String file) {
    return box.ok("cat /sys/fs/cgroup/*" + box.cgroup() + "/must/" + file).out().strip();
  }

  @Test
  void linesOfATerminalEndWithLineFeedsAloneInAFile() {
    bundle("echo", "hi").with(b -> b.process().put("terminal", true));
    assertThat(ok("run -b must " + ID).out()).isEqualTo("hi\n");
    started("exec sleep 1000");
    assertThat(ok("exec -t " + ID + " echo ho").out()).isEqualTo("ho\n");
  }

  @Test
  void theGroupOfVersion2BesideVersion1IsTheContainersToo() {
    started("exec sleep 1000");
    String file = "cat /proc/" + state(ID).integer("pid", 0) + "/cgroup";
    assertThat(box.ok(file).out()).contains("0::" + box.cgroup() + "/must\n");
    assertThat(ok("exec " + ID + " cat /proc/self/cgroup").out())
        .contains("0::" + box.cgroup() + "/must\n");
    ok("delete -f " + ID);
    assertThat(box.ok("find /sys/fs/cgroup -path '*" + box.cgroup() + "/must'").out()).isEmpty();
  }

  @Test
  void withoutAPathTheGroupIsBelowTheCallers() {
    bundle("grep", ":freezer:", "/proc/self/cgroup")
        .with(b -> b.linux().fields().remove("cgroupsPath"));
    String own = "/sys/fs/cgroup/freezer" + box.cgroup() + "/caller";
    box.ok("mkdir -p " + own);
    Result result =
        box.run(
            "echo 0 > " + own + "/cgroup.procs; exec $CELL --root " + ROOT + " run -b must " + ID);
    assertThat(result.expect(0).out()).contains(box.cgroup() + "/caller/" + ID + "\n");
    box.ok("rmdir " + own);
  }

  @Test
  void realTimePeriodAndRuntimeAreWrittenInTheOrderThatTheKernelTakes() {
    started("exec sleep 1000");
    if (box.run("ls /sys/fs/cgroup/cpu" + box.cgroup() + "/must/cpu.rt_period_us").exit() != 0) {
      return;
    }
    // A group has real-time only as far as those above it.
    String own = "/sys/fs/cgroup/cpu" + box.cgroup() + "/cpu.rt_runtime_us";
    assumeTrue(
        box.run("echo 900000 > " + own).exit() == 0,
        "this machine has no real-time left for control groups");
    ok("update --cpu-rt-period 900001 --cpu-rt-runtime 600001 " + ID);
    ok("update --cpu-rt-period 10000 --cpu-rt-runtime 3000 " + ID);
    assertThat(group("cpu.rt_period_us")).isEqualTo("10000");
    assertThat(group("cpu.rt_runtime_us")).isEqualTo("3000");
  }

  @Test
  void execMayNameTheGroupOfEachController() {
    started("exec sleep 1000");
    box.ok("mkdir /sys/fs/cgroup/{pids,freezer}" + box.cgroup() + "/must/sub");
    String out =
        ok("exec --cgroup pids,freezer:sub --cgroup memory:/ " + ID + " cat /proc/self/cgroup")
            .out();
    assertThat(out).contains("/must/sub\n", ":memory:" + box.cgroup() + "/must\n");
    fails(255, "exec --cgroup nosuch:sub " + ID + " true", "unknown controller nosuch");
    fails(
        255,
        "exec --cgroup pids:no " + ID + " true",
        "adding pid",
        "/no/cgroup.procs: no such file");
    fails(255, "exec --cgroup ../x " + ID + " true", "not a sub cgroup path");
    fails(255, "exec --cgroup a --cgroup b " + ID + " true", "invalid --cgroup argument: a");
  }

  @Test
  void aFlagOfABindClearsTheOthersOfItsSource() {
    box.ok(
        "mkdir -p flags && mount -t tmpfs none flags && mount -o remount,bind,ro,noexec,nodev flags");
    try {
      String mount =
          "{'destination':'/%s','source':'" + box.files() + "/flags','options':['bind'%s]}";
      String out =
          out(
              b -> {
                addMount(b, mount.formatted("plain", ""));
                addMount(b, mount.formatted("given", ",'nosuid'"));
                addMount(b, mount.formatted("same", ",'ro','noexec'"));
              },
              "grep -E ' /(plain|given|same) ' /proc/mounts | cut -d' ' -f2,4");
      List<String> lines = out.lines().toList();
      assertThat(lines).hasSize(3);
      assertThat(lines.get(0)).startsWith("/plain ro,").contains("nodev", "noexec");
      assertThat(lines.get(1))
          .startsWith("/given rw,nosuid")
          .doesNotContain("nodev")
          .doesNotContain("noexec");
      assertThat(lines.get(2)).startsWith("/same ro,").contains("noexec").doesNotContain("nodev");
    } finally {
      box.ok("umount flags");
    }
  }

  @Test
  void theCallersCpuAffinityIsNotTheContainers() {
    bundle("grep", "Cpus_allowed_list", "/proc/self/status");
    String command = " $CELL --root " + ROOT + " run -b must " + ID + " < /dev/null";
    String all = box.run("exec " + command).expect(0).out();
    assertThat(box.run("exec taskset -c 0" + command).expect(0).out()).isEqualTo(all);
    started("exec sleep 1000");
    assertThat(
            box.run(
                    "exec taskset -c 0 $CELL --root "
                        + ROOT
                        + " exec "
                        + ID
                        + " grep Cpus_allowed_list /proc/self/status < /dev/null")
                .expect(0)
                .out())
        .isEqualTo(all);
  }

  @Test
  void aPidsLimitOfZeroIsOne() {
    bundle("sleep", "1000").with(b -> resources(b, "{'pids':{'limit':0}}"));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    assertThat(group("pids.max")).isEqualTo("1");
  }

  @Test
  void killEndsAllProcessesWhereThePidNamespaceIsShared() {
    bundle("sh", "-c", "sleep 1001 & sleep 1002 & exec sleep 1003").with(RuncWaysTest::withoutPids);
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    long first = state(ID).integer("pid", 0);
    // The others outlive the first one, and are the container's all the same.
    box.ok("until [ $(pgrep -cf 'sleep 100[123]') = 3 ]; do sleep 0.05; done; kill -9 " + first);
    await(ID, "stopped");
    ok("kill " + ID + " KILL");
    box.ok("until ! pgrep -f 'sleep 100[123]'; do sleep 0.05; done");
    fails(1, "kill " + ID + " KILL", "container not running");
    ok("delete " + ID);
  }

  private static void withoutPids(Bundle bundle) {
    List<Json.Obj> namespaces = new ArrayList<>(bundle.linux().objects("namespaces"));
    namespaces.removeIf(namespace -> namespace.string("type").equals("pid"));
    bundle.linux().putObjects("namespaces", namespaces);
  }

  @Test
  void aPidfdGoesToTheSocket() {
    bundle("sleep", "1000");
    String socket = " --pidfd-socket $FILES/c.sock ";
    try (Fd pidfd = master(() -> ok("run -d -b must" + socket + ID + " > /dev/null 2>&1"))) {
      try (Fd exec = master(() -> ok("exec -d" + socket + ID + " sleep 1000"))) {
        Processes.signalPid(exec, Signals.KILL);
      }
      assertThat(status(ID)).isEqualTo("running");
      Processes.signalPid(pidfd, Signals.KILL);
    }
    await(ID, "stopped");
    fails(1, "create -b must --pidfd-socket $FILES/none other", "none", "listen");
    fails(1, "state other", "does not exist");
  }

  @Test
  void repeatedVariablesAreGivenOnceAndAnEmptyHomeIsNone() {
    String out =
        out(
            b ->
                b.process()
                    .putStrings(
                        "env", List.of("PATH=/bin", "A=1", "HOME=/a", "A=2", "B=", "HOME=")),
            "exec env");
    assertThat(out.lines().filter(line -> !line.startsWith("SHLVL") && !line.startsWith("PWD")))
        .containsExactlyInAnyOrder("PATH=/bin", "A=2", "B=", "HOME=/");
  }

  /** crun's annotation, which {@code podman run --group-add keep-groups} sets. */
  @Test
  void anAnnotationKeepsTheGroupsOfTheCaller() {
    String caller = "setpriv --groups 4321,4322 $CELL --root " + ROOT + " ";
    String groups = "grep Groups /proc/self/status";
    bundle("sh", "-c", groups)
        .with(RuncWaysTest::keepsGroups)
        .with(b -> b.process().put("user", json("{'uid':0,'gid':0,'additionalGids':[7]}")));
    Result run = box.run(caller + "run -b must " + ID).expect(0);
    assertThat(run.out()).isEqualTo("Groups:\t4321 4322 \n");
    assertThat(run.err()).contains("level=warning", "process.user.additionalGids is not set");
    bundle("sleep", "1000").with(RuncWaysTest::keepsGroups);
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    assertThat(box.ok(caller + "exec " + ID + " " + groups).out())
        .isEqualTo("Groups:\t4321 4322 \n");
    ok("delete -f " + ID);
    // Without it nothing of the caller's is left.
    bundle("sh", "-c", groups);
    assertThat(box.ok(caller + "run -b must " + ID).out()).isEqualTo("Groups:\t \n");
    refused(
        b -> b.config().put("annotations", json("{'run.oci.keep_original_groups':'0'}")),
        "run.oci.keep_original_groups",
        "use 1 or remove it");
  }

  static void keepsGroups(Bundle bundle) {
    bundle.config().put("annotations", json("{'run.oci.keep_original_groups':'1'}"));
  }

  @Test
  void keysMayBeInAnyCase() {
    bundle("echo", "found")
        .with(
            b -> {
              b.process().fields().remove("args");
              b.process().putStrings("ARGS", List.of("echo", "found"));
            });
    assertThat(ok("run -b must " + ID).out()).isEqualTo("found\n");
  }

  @Test
  void aFailingPoststartHookRemovesTheContainer() {
    bundle("sleep", "1000")
        .with(b -> b.config().put("hooks", json("{'poststart':[{'path':'/bin/false'}]}")));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    fails(1, "start " + ID, "poststart");
    fails(1, "state " + ID, "does not exist");
  }

  @Test
  void aDeadlineOnSomeOfTheCpusIsRefused() {
    refused(
        b -> {
          resources(b, "{'cpu':{'cpus':'0'}}");
          b.process()
              .put(
                  "scheduler",
                  json("{'policy':'SCHED_DEADLINE','runtime':1,'deadline':2,'period':3}"));
        },
        "process scheduler can't be used together with AllowedCPUs");
  }

  @Test
  void aPathThatIsMaskedTwiceIsMountedOnce() {
    bundle("true");
    box.ok("touch must/rootfs/secret");
    String out =
        out(
            b -> b.linux().putStrings("maskedPaths", List.of("/secret", "/secret")),
            "grep -c ' /secret ' /proc/mounts");
    assertThat(out).isEqualTo("1\n");
  }

  @Test
  void debugTellsTheStepsInRuncsWords() {
    bundle("true");
    String log = cell("--debug run -b must " + ID).expect(0).err();
    assertThat(log)
        .contains("level=debug", "nsexec container setup", "child process in init()")
        .contains("init: closing the pipe to signal completion");
    assertThat(log).doesNotContain("filter");
    assertThat(ok("run -b must " + ID).err()).doesNotContain("debug");
  }

  @Test
  void debugTellsTheFlagsOfTheFilter() {
    String[][] cases = {
      {"", "4"},
      {",'flags':[]", "0"},
      {",'flags':['SECCOMP_FILTER_FLAG_TSYNC','SECCOMP_FILTER_FLAG_LOG']", "2"},
    };
    for (String[] one : cases) {
      bundle("sh", "-c", "sleep 100")
          .with(
              b ->
                  b.linux()
                      .put("seccomp", json("{'defaultAction':'SCMP_ACT_ALLOW'" + one[0] + "}")));
      String expected = "msg=\"seccomp filter flags: " + one[1] + "\"";
      assertThat(
              box.ok("$CELL --root " + ROOT + " --debug run -d -b must " + ID + " 2>&1 >&2").out())
          .contains(expected);
      assertThat(cell("--debug exec " + ID + " true").expect(0).err()).contains(expected);
      ok("delete -f " + ID);
    }
  }

  @Test
  void specHasNoNamespaceOfControlGroupsOfVersion1() {
    box.ok("mkdir -p example && rm -f example/config.json");
    ok("spec -b example");
    assertThat(
            Json.parseObject(box.ok("cat example/config.json").out())
                .object("linux")
                .orElseThrow()
                .objects("namespaces"))
        .extracting(namespace -> namespace.string("type"))
        .containsExactly("pid", "network", "ipc", "uts", "mount");
  }

  @Test
  void anIdThatTheKernelTakesForNoneIsRefused() {
    for (String user : new String[] {"'uid':4294967295,'gid':0", "'uid':0,'gid':4294967295"}) {
      refused(b -> b.process().put("user", json("{" + user + "}")), "to unmapped", "4294967295");
    }
    refused(
        b -> b.process().put("user", json("{'uid':5,'gid':5,'additionalGids':[6,4294967295]}")),
        "cannot setgid to unmapped gid 4294967295");
    bundle("sleep", "1000");
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    assertThat(cell("exec -u 4294967295 " + ID + " id").expect(255).err())
        .contains("cannot setuid to unmapped uid 4294967295");
    ok("delete -f " + ID);
  }

  @Test
  void aPasswdFileThatLeadsOutDoesNotKeepTheContainerFromStarting() {
    bundle("sh", "-c", "echo $HOME");
    box.ok("mkdir -p must/rootfs/etc; ln -sf /proc/self/root/etc/passwd must/rootfs/etc/passwd");
    try {
      Result result = cell("run -b must " + ID).expect(0);
      assertThat(result.out()).isEqualTo("/\n");
      assertThat(result.err()).contains("HOME is /");
    } finally {
      box.ok("rm must/rootfs/etc/passwd");
    }
  }
}
