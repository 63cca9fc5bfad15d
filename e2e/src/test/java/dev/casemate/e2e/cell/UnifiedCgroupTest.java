package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * config-linux.md, "Control groups", on a machine that has version 2 only: what the kernel's files
 * hold, and what they do.
 */
class UnifiedCgroupTest {
  private static final String NO_DEVICE = "{'allow':false,'access':'rwm'}";
  private static final String DISK =
      "{'allow':true,'type':'b','major':987654,'minor':456789,'access':'rm'}";

  private static final String LIMITS =
      "{'devices':["
          + NO_DEVICE
          + ","
          + DISK
          + "],'cpu':{'shares':512,'quota':50000,'period':100000,'cpus':'0'},"
          + "'memory':{'limit':67108864,'swap':134217728,'reservation':33554432},"
          + "'pids':{'limit':99},'hugepageLimits':[{'pageSize':'2MB','limit':4194304}],"
          + "'blockIO':{'throttleReadBpsDevice':[{'major':987654,'minor':456789,'rate':1048576}],"
          + "'throttleWriteIOPSDevice':[{'major':987654,'minor':456789,'rate':77}]},"
          + "'unified':{'memory.high':'60000256','cgroup.max.depth':'7'}}";

  private static final String PROBE =
      "(: < /dev/disk) && echo read; (: > /dev/disk) && echo written; (: > /dev/null) && echo null";

  private static final String SCRIPT =
      """
      run() { $CELL run -d -b /bundles/$1 $1 > /dev/null 2>&1; }
      pid() { $CELL state $1 | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p'; }
      count() { wc -l < $ROOT$1/cgroup.procs; }

      say run run limits
      say group cat /proc/$(pid limits)/cgroup
      for file in cpu.weight cpu.max cpuset.cpus memory.max memory.swap.max memory.low memory.high pids.max hugetlb.2MB.max io.max cgroup.procs; do
          say $file cat $ROOT/test/limits/$file
      done
      say disk echo $DISK
      cp $ROOT/test/limits/cgroup.max.depth /run/depth
      say inside $CELL exec limits cat /proc/self/cgroup
      $CELL exec -d limits sleep 1000
      say procs count /test/limits
      say update $CELL update --memory 128M --memory-swap 256M --pids-limit 50 --cpu-quota 25000 --cpuset-cpus 0 limits
      for file in cpu.max memory.max memory.swap.max pids.max; do
          say updated.$file cat $ROOT/test/limits/$file
      done
      say events $CELL events --stats limits
      say pause $CELL pause limits
      say frozen cat $ROOT/test/limits/cgroup.freeze $ROOT/test/limits/cgroup.events
      say paused $CELL state limits
      say paused-exec $CELL exec limits true
      say resume $CELL resume limits
      say resumed cat $ROOT/test/limits/cgroup.freeze
      mkdir $ROOT/test/limits/sub
      say exec-group $CELL exec --cgroup sub limits cat /proc/self/cgroup
      say busy $CELL create -b /bundles/limits other
      say running-delete $CELL delete limits
      say kill $CELL kill --all limits KILL
      wait_for sh -c "! $CELL state limits | grep -q running"
      say delete $CELL delete limits
      say gone ls -d $ROOT/test/limits

      # Reads of 3 MiB at 1 MiB/s, past the page cache.
      $CELL run -d -b /bundles/limits limits > /dev/null 2>&1
      begin=$(cut -d. -f1 /proc/uptime)
      $CELL exec limits dd if=/dev/disk of=/dev/null bs=64k count=48 iflag=direct > /run/dd 2>&1
      say read-seconds echo $(($(cut -d. -f1 /proc/uptime) - begin))
      say read cat /run/dd
      $CELL delete -f limits

      for one in allowed denied order; do
          say $one $CELL run -b /bundles/$one $one
      done

      run forks
      sleep 1
      $CELL pause forks
      say pids-1 cat $ROOT/deep/er/and/deeper/cgroup.procs
      sleep 1
      say pids-2 cat $ROOT/deep/er/and/deeper/cgroup.procs
      $CELL resume forks
      say kill-all $CELL kill --all forks KILL
      wait_for sh -c "! $CELL state forks | grep -q running"
      say forks-delete $CELL delete forks
      say forks-gone ls $ROOT/deep

      say few $CELL run -b /bundles/few few
      say oom $CELL run -b /bundles/oom oom
      run relative
      say relative cat /proc/$(pid relative)/cgroup
      $CELL delete -f relative
      say relative-gone sh -c "find $ROOT -name relative"
      say depth cat /run/depth
      run controller
      say controller cat $ROOT/some/controller/pids.max
      $CELL delete -f controller
      say no-controller $CELL run -b /bundles/no-controller no-controller
      say bad-key $CELL run -b /bundles/bad-key bad-key
      say bad-key-gone ls -d $ROOT/bad-key
      say bad-value $CELL run -b /bundles/bad-value bad-value
      cp -a /rootfs /mapped
      chown -R 100000:100000 /mapped
      for one in mapped mapped-missing; do
          say $one $CELL run -b /bundles/$one $one
      done
      say path-in-key $CELL run -b /bundles/path-in-key path-in-key
      say left $CELL list
      say left-groups sh -c "find $ROOT -mindepth 1 -type d"
      """;

  private static UnifiedMachine machine;

  @BeforeAll
  static void boot() throws IOException {
    Path directory = Files.createTempDirectory("casemate-unified");
    machine =
        new UnifiedMachine(directory)
            .bundle("limits", "/test/limits", LIMITS, "sleep", "1000")
            .bundle(
                "allowed",
                "/allowed",
                "{'devices':[" + NO_DEVICE + "," + DISK + "]}",
                "sh",
                "-c",
                PROBE)
            .bundle("denied", "/denied", "{'devices':[" + NO_DEVICE + "]}", "sh", "-c", PROBE)
            .bundle(
                "order",
                "/order",
                "{'devices':[" + DISK + "," + NO_DEVICE + "]}",
                "sh",
                "-c",
                PROBE)
            .bundle(
                "forks",
                "/deep/er/and/deeper",
                "{}",
                "sh",
                "-c",
                "while :; do (usleep 10000 &); usleep 10000; done")
            .bundle(
                "few",
                "/few",
                "{'pids':{'limit':4}}",
                "sh",
                "-c",
                "for i in 1 2 3 4 5 6; do sleep 1 & done; wait")
            .bundle(
                "oom",
                "/oom",
                "{'memory':{'limit':16777216,'swap':16777216}}",
                "sh",
                "-c",
                "head -c 60000000 /dev/zero | tail > /dev/null; echo tail $?")
            .bundle("relative", "relative/one", "{}", "sleep", "1000")
            .bundle("bad-key", "/bad-key", "{'unified':{'memory.nonsense':'1'}}", "true")
            .bundle(
                "controller", "/some/controller", "{'unified':{'pids.max':'1000'}}", "sleep", "9")
            .bundle("no-controller", "/no-controller", "{'unified':{'nonsense.max':'1'}}", "true")
            .bundle("bad-value", "/bad-value", "{'unified':{'memory.max':'many'}}", "true")
            .bundle("path-in-key", "/path-in-key", "{'unified':{'../memory.max':'1'}}", "true")
            .mapped("mapped", "/dev/vda", "stat", "-c", "%F %t:%T %u", "/dev/vda")
            .mapped("mapped-missing", "/dev/missing", "true")
            .run(SCRIPT);
    Shell.run("rm -rf " + directory);
  }

  @AfterAll
  static void print() {
    if (Boolean.getBoolean("casemate.verbose")) {
      System.out.println(machine);
    }
  }

  private static void says(String name, String text) {
    assertThat(machine.of(name)).as(name).isEqualTo(text);
  }

  private static void fails(String name, int status, String... fragments) {
    assertThat(machine.status(name)).as(machine.of(name)).isEqualTo(status);
    assertThat(machine.of(name)).contains(fragments);
  }

  @Test
  void anAbsolutePathIsBelowTheMountPoint() {
    assertThat(machine.status("run")).as(machine.toString()).isZero();
    says("group", "0::/test/limits");
    assertThat(machine.of("cgroup.procs")).matches("[0-9]+");
  }

  /** Its kernel is older than Linux 6.15, where the engine could make the node. */
  @Test
  void beforeLinux615DevicesOfUserNamespacesAreThoseOfTheHost() {
    assertThat(machine.status("mapped")).as(machine.of("mapped")).isZero();
    // The host's node has the host's owner, who is not mapped.
    String[] numbers = machine.of("disk").split(":");
    says(
        "mapped",
        "block special file "
            + Integer.toHexString(Integer.parseInt(numbers[0]))
            + ":"
            + Integer.toHexString(Integer.parseInt(numbers[1]))
            + " 65534");
    fails("mapped-missing", 1, "/dev/missing", "no such file or directory");
  }

  @Test
  void everyLimitIsInTheKernelsFile() {
    says("cpu.weight", "20");
    says("cpu.max", "50000 100000");
    says("cpuset.cpus", "0");
    says("memory.max", "67108864");
    // The specification's swap is memory and swap together.
    says("memory.swap.max", "67108864");
    says("memory.low", "33554432");
    says("pids.max", "99");
    says("hugetlb.2MB.max", "4194304");
    says("io.max", machine.of("disk") + " rbps=1048576 wbps=max riops=max wiops=77");
  }

  @Test
  void unifiedMustBeWrittenAlsoWhereItIsUnknownToTheRuntime() {
    says("memory.high", Long.toString(60_000_256 / 4096 * 4096));
    says("depth", "7");
  }

  @Test
  void unifiedMustHaveItsControllersEnabledOrGenerateAnError() {
    // Nothing but unified wants this controller.
    says("controller", "1000");
    fails("no-controller", 1, "nonsense.max");
    fails("bad-key", 1, "memory.nonsense");
    assertThat(machine.status("bad-key-gone")).isNotZero();
    fails("bad-value", 1, "memory.max", "many");
    fails("path-in-key", 1, "../memory.max");
  }

  @Test
  void updateChangesWhatItNamesAndNothingElse() {
    assertThat(machine.status("update")).as(machine.of("update")).isZero();
    says("updated.cpu.max", "25000 100000");
    says("updated.memory.max", "134217728");
    says("updated.memory.swap.max", "134217728");
    says("updated.pids.max", "50");
  }

  @Test
  void eventsTellWhatIsUsed() {
    Json.Obj data = Json.parseObject(machine.of("events")).object("data").orElseThrow();
    assertThat(data.object("pids").orElseThrow().integer("current", 0)).isEqualTo(2);
    assertThat(data.object("pids").orElseThrow().integer("limit", 0)).isEqualTo(50);
    assertThat(
            data.object("memory").orElseThrow().object("usage").orElseThrow().integer("limit", 0))
        .isEqualTo(134_217_728);
    for (String resource : List.of("cpu", "memory", "blkio")) {
      Json.Obj psi = data.object(resource).orElseThrow().object("psi").orElseThrow();
      assertThat(psi.object("some").orElseThrow().fields().keySet())
          .as(resource)
          .containsExactly("avg10", "avg60", "avg300", "total");
    }
  }

  @Test
  void anExecIsInTheContainersGroupOrInOneBelow() {
    says("inside", "0::/");
    says("procs", "2");
    says("exec-group", "0::/sub");
  }

  @Test
  void pauseFreezesAndResumeThaws() {
    assertThat(machine.of("frozen")).startsWith("1|").contains("frozen 1");
    assertThat(machine.of("paused")).contains("\"paused\"");
    fails("paused-exec", 255, "paused");
    says("resumed", "0");
  }

  @Test
  void aFrozenContainerLosesNoProcessAndIsKilledAsAWhole() {
    says("pids-1", machine.of("pids-2"));
    assertThat(machine.of("pids-1")).isNotEmpty();
    assertThat(machine.status("kill-all")).isZero();
    assertThat(machine.status("forks-delete")).as(machine.of("forks-delete")).isZero();
  }

  @Test
  void aGroupThatIsInUseMustGenerateAnError() {
    fails("busy", 1, "container's cgroup is not empty");
    fails("running-delete", 1, "running");
  }

  @Test
  void nothingIsLeftAfterDelete() {
    assertThat(machine.status("delete")).as(machine.of("delete")).isZero();
    assertThat(machine.status("gone")).isNotZero();
    assertThat(machine.of("left")).doesNotContain("running", "stopped", "created");
    assertThat(machine.of("relative-gone")).doesNotContain("one");
  }

  @Test
  void devicesMustBeAllowedAndDeniedInTheListedOrder() {
    says("allowed", "read|sh: can't create /dev/disk: Operation not permitted|null");
    for (String name : new String[] {"denied", "order"}) {
      assertThat(machine.of(name))
          .doesNotContain("read")
          .doesNotContain("written")
          .endsWith("null");
    }
  }

  @Test
  void ioLimitsLimit() {
    assertThat(machine.status("read")).isZero();
    assertThat(machine.of("read")).contains("48+0 records in");
    assertThat(Integer.parseInt(machine.of("read-seconds"))).isBetween(2, 60);
  }

  @Test
  void pidsLimitLimits() {
    assertThat(machine.of("few")).contains("can't fork");
  }

  @Test
  void memoryLimitKillsInsideOnly() {
    assertThat(machine.of("oom")).contains("tail 137");
  }

  @Test
  void aRelativePathIsSomewhereOfItsOwn() {
    assertThat(machine.of("relative")).startsWith("0::/").endsWith("relative/one");
  }
}
