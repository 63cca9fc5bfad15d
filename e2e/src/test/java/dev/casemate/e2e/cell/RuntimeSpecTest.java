package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import org.junit.jupiter.api.Test;

/** The MUSTs of runtime.md, "Runtime and Lifecycle". */
class RuntimeSpecTest extends SpecTest {
  @Test
  void theStateMustIncludeItsPropertiesInEveryStatus() {
    bundle("sleep", "1000").with(b -> b.config().put("annotations", json("{'a.b/c':'d'}")));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    for (String status : new String[] {"created", "running", "stopped"}) {
      Json.Obj state = state(ID);
      assertThat(state.string("ociVersion")).startsWith("1.");
      assertThat(state.string("id")).isEqualTo(ID);
      assertThat(state.string("status")).isEqualTo(status);
      assertThat(state.string("bundle")).isEqualTo(box.files() + "/must");
      assertThat(state.object("annotations").orElseThrow().string("a.b/c")).isEqualTo("d");
      if (status.equals("created")) {
        assertThat(state.integer("pid", 0)).isPositive();
        ok("start " + ID);
      } else if (status.equals("running")) {
        assertThat(state.integer("pid", 0)).isPositive();
        ok("kill " + ID + " KILL");
        await(ID, "stopped");
      }
    }
    ok("delete " + ID);
  }

  @Test
  void pausedMustBeTheStatusOfAPausedContainerOnly() {
    bundle("sleep", "1000");
    ok("create -b must " + ID + " > /dev/null 2>&1");
    ok("start " + ID);
    ok("pause " + ID);
    assertThat(state(ID).string("status")).isEqualTo("paused");
    ok("resume " + ID);
    assertThat(state(ID).string("status")).isEqualTo("running");
    ok("delete --force " + ID);
  }

  @Test
  void theProgramMustNotBeRunAtCreateAndMustBeRunAtStart() {
    bundle("sh", "-c", "echo was here");
    ok("create -b must " + ID + " > must/out 2>&1");
    assertThat(box.ok("sleep 0.2; cat must/out").out()).isEmpty();
    assertThat(status(ID)).isEqualTo("created");
    ok("start " + ID);
    await(ID, "stopped");
    assertThat(box.ok("cat must/out").out()).isEqualTo("was here\n");
    ok("delete " + ID);
  }

  @Test
  void updatesToConfigJsonAfterCreateMustNotAffectTheContainer() {
    Bundle bundle = bundle("sh", "-c", "echo first; sleep 1000");
    ok("create -b must " + ID + " > must/out 2>&1");
    bundle.text("no json at all");
    ok("start " + ID);
    assertThat(ok("exec " + ID + " cat /proc/1/cmdline").out()).contains("1000");
    ok("kill " + ID + " KILL");
    await(ID, "stopped");
    assertThat(box.ok("cat must/out").out()).isEqualTo("first\n");
    ok("delete " + ID);
  }

  @Test
  void anIdThatIsNotUniqueMustGenerateAnErrorAndCreateNothing() {
    bundle("sleep", "1000");
    ok("create -b must " + ID + " > /dev/null 2>&1");
    long pid = state(ID).integer("pid", 0);
    fails(1, "create -b must " + ID, "already exists");
    assertThat(state(ID).integer("pid", 0)).isEqualTo(pid);
    ok("delete --force " + ID);
  }

  @Test
  void anEnvironmentThatCannotBeCreatedMustGenerateAnErrorAndLeaveNothing() {
    refused(b -> addMount(b, "{'destination':'/x','type':'nofs','source':'none'}"), "nofs");
    refused(b -> b.process().putStrings("args", java.util.List.of("/nope")), "/nope");
    refused(b -> b.linux().put("resources", json("{'cpu':{'cpus':'900'}}")), "cpuset.cpus", "900");
    assertThat(box.ok("find /sys/fs/cgroup -type d -path '*" + box.cgroup() + "/*'").out())
        .isEmpty();
  }

  @Test
  void operationsOnAContainerThatDoesNotExistMustGenerateAnError() {
    for (String operation : new String[] {"state", "start", "kill", "delete"}) {
      fails(1, operation + " nobody", "does not exist");
    }
  }

  @Test
  void operationsWithoutAnIdMustGenerateAnError() {
    for (String operation : new String[] {"state", "start", "kill", "delete", "create"}) {
      assertThat(cell(operation).exit()).isNotZero();
    }
  }

  @Test
  void startOfAContainerThatIsNotCreatedMustHaveNoEffectAndGenerateAnError() {
    bundle("sleep", "1000");
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    long pid = state(ID).integer("pid", 0);
    fails(1, "start " + ID, "already running");
    assertThat(status(ID)).isEqualTo("running");
    assertThat(state(ID).integer("pid", 0)).isEqualTo(pid);
    ok("kill " + ID + " KILL");
    await(ID, "stopped");
    fails(1, "start " + ID, "stopped");
    ok("delete " + ID);
  }

  @Test
  void killMustSendTheSignalToTheContainerProcess() {
    bundle("sh", "-c", "trap 'echo got it; exit 7' USR1; echo up; while :; do sleep 0.05; done");
    ok("run -d -b must " + ID + " > must/out 2>&1");
    box.ok("until grep -q up must/out; do sleep 0.05; done");
    ok("kill " + ID + " USR1");
    await(ID, "stopped");
    assertThat(box.ok("cat must/out").out()).isEqualTo("up\ngot it\n");
    fails(1, "kill " + ID + " USR1", "not running");
    ok("delete " + ID);
  }

  @Test
  void deleteOfAContainerThatIsNotStoppedMustHaveNoEffectAndGenerateAnError() {
    bundle("sleep", "1000");
    ok("create -b must " + ID + " > /dev/null 2>&1");
    fails(1, "delete " + ID, "not stopped: created; kill it first, or use --force");
    ok("start " + ID);
    fails(1, "delete " + ID, "not stopped: running");
    ok("pause " + ID);
    fails(1, "delete " + ID, "not stopped: paused");
    ok("resume " + ID);
    assertThat(ok("exec " + ID + " echo alive").out()).isEqualTo("alive\n");
    ok("delete --force " + ID);
    ok("create -b must " + ID + " > /dev/null 2>&1");
    ok("delete --force " + ID);
  }

  @Test
  void deleteMustDeleteWhatCreateHasMadeAndNothingElse() {
    String parent = "/sys/fs/cgroup/*" + box.cgroup();
    bundle("sleep", "1000")
        .with(
            b ->
                addMount(
                    b,
                    "{'destination':'/kept','source':'"
                        + box.files()
                        + "/kept','options':['rbind','rw']}"));
    box.ok("mkdir -p kept && echo 1 > kept/file");
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    assertThat(box.ok("ls -d " + parent + "/must").out()).isNotEmpty();
    ok("kill " + ID + " KILL");
    await(ID, "stopped");
    ok("delete " + ID);
    assertThat(box.run("ls -d " + parent + "/must 2> /dev/null").out()).isEmpty();
    assertThat(box.ok("ls -d " + parent).out()).as("groups above it").isNotEmpty();
    assertThat(box.ok("cat kept/file; ls must").out()).startsWith("1\n").contains("rootfs");
    assertThat(box.ok("cat /proc/mounts").out()).doesNotContain("kept");
  }

  /** runtime-linux.md, "File descriptors"; as systemd's socket activation names them. */
  @Test
  void onlyTheStandardStreamsAndThoseOfSocketActivationMayBeKeptOpen() {
    bundle("sh", "-c", "echo $LISTEN_FDS; cat <&3; ls /proc/self/fd | tr '\\n' ' '");
    String out =
        box.ok(
                "echo content > fd.txt; exec 3< fd.txt 4< /; LISTEN_FDS=1 $CELL --root "
                    + ROOT
                    + " run -b must "
                    + ID
                    + " < /dev/null")
            .out();
    // 4 is the directory that ls reads.
    assertThat(out).isEqualTo("1\ncontent\n0 1 2 3 4 ");
  }
}
