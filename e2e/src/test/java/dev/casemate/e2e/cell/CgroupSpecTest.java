package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import org.junit.jupiter.api.Test;

/** The MUSTs of config-linux.md, "Control groups". */
class CgroupSpecTest extends SpecTest {
  private static void resources(Bundle bundle, String resources) {
    bundle.linux().put("resources", json(resources));
  }

  /** Reads a file of the container's group, in whichever hierarchy has it. */
  private static String read(String file) {
    return box.ok("cat /sys/fs/cgroup/*" + box.cgroup() + "/must/" + file).out().strip();
  }

  private static void create(String resources) {
    bundle("sleep", "1000").with(b -> resources(b, resources));
    ok("create -b must " + ID + " > /dev/null 2>&1");
  }

  @Test
  void anAbsolutePathMustBeRelativeToTheMountPointAndTheSamePathTheSamePlace() {
    for (int i = 0; i < 2; i++) {
      create("{}");
      long pid = state(ID).integer("pid", 0);
      assertThat(box.ok("cat /proc/" + pid + "/cgroup").out())
          .contains(":freezer:" + box.cgroup() + "/must\n", ":memory:" + box.cgroup() + "/must\n");
      ok("delete -f " + ID);
    }
  }

  @Test
  void invalidPathsMustGenerateAnError() {
    refused(b -> b.linux().put("cgroupsPath", "a.slice:b:c"), "a.slice:b:c");
    refused(b -> b.linux().put("cgroupsPath", "/"), "root");
  }

  @Test
  void aGroupThatIsInUseMustGenerateAnError() {
    create("{}");
    fails(1, "create -b must other", "container's cgroup is not empty");
    fails(1, "state other", "does not exist");
    assertThat(status(ID)).isEqualTo("created");
    ok("delete -f " + ID);
  }

  @Test
  void aGroupThatIsFrozenOrBelowAFrozenOneIsRefused() {
    String freezer = "/sys/fs/cgroup/freezer" + box.cgroup();
    for (String frozen : new String[] {"/must", "/above"}) {
      box.ok(
          "mkdir -p "
              + freezer
              + frozen
              + "; echo FROZEN > "
              + freezer
              + frozen
              + "/freezer.state");
      try {
        refused(
            b ->
                b.linux()
                    .put(
                        "cgroupsPath",
                        box.cgroup() + (frozen.equals("/above") ? "/above/below" : frozen)),
            "container's cgroup unexpectedly frozen",
            freezer + frozen,
            "thaw");
        assertThat(box.ok("find " + freezer + " -name below").out()).isEmpty();
      } finally {
        box.ok(
            "echo THAWED > "
                + freezer
                + frozen
                + "/freezer.state; find /sys/fs/cgroup -depth -type d -path '*"
                + box.cgroup()
                + frozen
                + "' -exec rmdir {} +");
      }
    }
    create("{}");
    ok("delete -f " + ID);
  }

  @Test
  void limitsAreSetAndUpdated() {
    create(
        "{'memory':{'limit':67108864},'cpu':{'shares':512,'quota':50000,'period':100000},"
            + "'pids':{'limit':99}}");
    assertThat(read("memory.limit_in_bytes")).isEqualTo("67108864");
    assertThat(read("cpu.shares")).isEqualTo("512");
    assertThat(read("cpu.cfs_quota_us")).isEqualTo("50000");
    assertThat(read("pids.max")).isEqualTo("99");
    ok("update --memory 128M --pids-limit 50 " + ID);
    assertThat(read("memory.limit_in_bytes")).isEqualTo("134217728");
    assertThat(read("pids.max")).isEqualTo("50");
    ok("delete -f " + ID);
  }

  @Test
  void devicesMustBeAllowedAndDeniedInTheListedOrder() {
    String probe =
        "for d in /dev/null /dev/mine; do (: < $d) 2> /dev/null && echo $d yes || echo $d no; done";
    String device = "[{'path':'/dev/mine','type':'c','major':10,'minor':229}]";
    String open = "{'allow':true,'type':'c','major':10,'minor':229,'access':'rwm'}";
    String none = "{'allow':false,'access':'rwm'}";
    for (String[] rules :
        new String[][] {{none + "," + open, "yes"}, {open + "," + none, "no"}, {none, "no"}}) {
      String out =
          out(
              b -> {
                b.linux().put("devices", array(device));
                resources(b, "{'devices':[" + rules[0] + "]}");
              },
              probe);
      assertLines(out, "/dev/null yes", "/dev/mine " + rules[1]);
    }
  }

  @Test
  void aLimitBelowTheUsageMustBeRejectedWhenCheckBeforeUpdateIsSet() {
    bundle("sh", "-c", "head -c 30000000 /dev/zero | tail | sleep 1000")
        .with(b -> resources(b, "{'memory':{'limit':134217728}}"));
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    box.ok(
        "until [ $(cat /sys/fs/cgroup/*"
            + box.cgroup()
            + "/must/memory.usage_in_bytes) -gt 25000000 ]; do sleep 0.05; done");
    box.ok("echo '{\"memory\":{\"limit\":1048576,\"checkBeforeUpdate\":true}}' > must/update");
    fails(1, "update -r must/update " + ID, "rejecting memory limit 1048576", "in use");
    assertThat(read("memory.limit_in_bytes")).isEqualTo("134217728");
    ok("delete --force " + ID);
  }

  @Test
  void unifiedMustGenerateAnErrorWhereThereIsNoVersion2() {
    refused(b -> resources(b, "{'unified':{'memory.high':'1000000'}}"), "unified", "cgroup v2");
  }

  @Test
  void aPausedContainerLosesNoProcessAndIsKilledAsAWhole() {
    bundle("sh", "-c", "while :; do (sleep 0.01 &); sleep 0.01; done");
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    ok("pause " + ID);
    assertThat(status(ID)).isEqualTo("paused");
    Json first = Json.parse(ok("ps -f json " + ID).out());
    box.ok("sleep 0.2");
    assertThat(Json.parse(ok("ps -f json " + ID).out())).isEqualTo(first);
    ok("resume " + ID);
    assertThat(status(ID)).isEqualTo("running");
    ok("pause " + ID);
    ok("kill --all " + ID + " KILL");
    await(ID, "stopped");
    assertThat(ok("ps -f json " + ID).out().strip()).isIn("[]", "null");
    ok("delete " + ID);
    assertThat(box.ok("find /sys/fs/cgroup -type d -path '*" + box.cgroup() + "/must*'").out())
        .isEmpty();
  }

  @Test
  void aWeightDeviceAndAnRdmaEntryMustHaveALimit() {
    refused(
        b ->
            b.linux()
                .put("resources", json("{'blockIO':{'weightDevice':[{'major':8,'minor':0}]}}")),
        "weightDevice",
        "8:0",
        "leafWeight");
    refused(
        b -> b.linux().put("resources", json("{'rdma':{'mlx5_1':{}}}")),
        "rdma",
        "mlx5_1",
        "hcaHandles");
  }
}
