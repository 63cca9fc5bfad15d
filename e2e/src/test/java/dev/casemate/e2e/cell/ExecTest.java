package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code exec} in one container that stays. */
class ExecTest extends CellTest {
  @BeforeAll
  static void run() {
    Bundle.make(box, "exec", "sleep", "1000");
    ok("run -d -b exec a > /dev/null 2>&1");
  }

  @AfterAll
  static void remove() {
    ok("delete -f a");
  }

  @Override
  @AfterEach
  void nothingIsLeft() {
    assertThat(ok("ps -f json a").out().strip())
        .isEqualTo("[" + state("a").integer("pid", 0) + "]");
  }

  @Test
  void streamsAndStatuses() {
    Result result = cell("exec a sh -c 'echo out; echo err >&2; exit 7'").expect(7);
    assertThat(result.out()).isEqualTo("out\n");
    assertThat(result.err()).isEqualTo("err\n");
    assertThat(box.ok("echo in | $CELL --root " + ROOT + " exec a cat").out()).isEqualTo("in\n");
    cell("exec a sh -c 'kill -TERM $$'").expect(143);
    fails(255, "exec a /nope", "no such file or directory");
    fails(255, "exec a nope", "executable file not found in $PATH");
    fails(255, "exec a /bin", "permission denied");
    fails(255, "exec --process none.json a", "none.json");
  }

  @Test
  void optionsOfTheProcess() {
    assertThat(ok("exec --env A=1 -e B=2 --cwd /bin a sh -c 'echo $A$B; pwd'").out())
        .isEqualTo("12\n/bin\n");
    assertThat(ok("exec -u 1000:1001 -g 5 --additional-gids 6 a id").out())
        .contains("uid=1000 gid=1001", "5", "6");
    assertThat(ok("exec --cap CAP_SYS_ADMIN a grep CapEff /proc/self/status").out())
        .contains("0000000020200420");
    assertThat(ok("exec a grep CapEff /proc/self/status").out()).contains("0000000020000420");
    assertThat(ok("exec --no-new-privs a grep NoNewPrivs /proc/self/status").out()).contains("1");
    assertThat(cell("exec -u x a true").expect(255).err())
        .contains("invalid value \\\"x\\\" for --user");
    assertThat(cell("exec --cgroup ../up a true").expect(255).err())
        .contains("not a sub cgroup path");
  }

  @Test
  void addedCapabilitiesAreAmbientWhereTheContainerHasInheritableOnes() {
    Bundle.make(box, "ambient", "sleep", "1000")
        .with(
            b ->
                b.process()
                    .put(
                        "capabilities",
                        Json.parseObject(
                            "{\"bounding\":[\"CAP_CHOWN\",\"CAP_SYSLOG\"],\"effective\":[\"CAP_CHOWN\"],"
                                + "\"permitted\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_CHOWN\"],"
                                + "\"inheritable\":[\"CAP_CHOWN\",\"CAP_SYSLOG\"]}")));
    ok("run -d -b ambient b > /dev/null 2>&1");
    try {
      for (String user : new String[] {"", "-u 1000 "}) {
        String status = ok("exec " + user + "--cap CAP_SYSLOG b grep Cap /proc/self/status").out();
        assertThat(status)
            .contains("CapAmb:\t0000000400000001", "CapEff:\t0000000400000001")
            .contains("CapInh:\t0000000400000001", "CapBnd:\t0000000400000001");
      }
    } finally {
      ok("delete -f b");
    }
    assertThat(ok("exec --cap CAP_SYSLOG a grep CapAmb /proc/self/status").out())
        .as("the container has no inheritable ones")
        .contains("0000000000000000");
  }

  @Test
  void processFromAFile() {
    Json.Obj process =
        new Json.Obj()
            .putStrings("args", List.of("sh", "-c", "echo $X; id -u; pwd"))
            .putStrings("env", List.of("PATH=/bin", "X=y"))
            .put("cwd", "/dev")
            .put("user", new Json.Obj().put("uid", 33).put("gid", 44));
    box.ok("cat > process.json <<'END'\n" + process.text() + "\nEND");
    assertThat(ok("exec --process process.json a").out()).isEqualTo("y\n33\n/dev\n");
    box.ok("echo '{\"args\":1}' > wrong.json");
    fails(255, "exec --process wrong.json a", "wrong.json", "\"args\" is the number 1");
  }

  /** Writes a process that shows which CPUs it may use to {@code cpus.json}. */
  private static void cpusProcess(String affinity) {
    Json.Obj process =
        new Json.Obj()
            .putStrings("args", List.of("grep", "Cpus_allowed_list", "/proc/self/status"))
            .put("cwd", "/")
            .put("execCPUAffinity", Json.parseObject(affinity));
    box.ok("cat > cpus.json <<'END'\n" + process.text() + "\nEND");
  }

  private static String allowedCpus(String affinity) {
    cpusProcess(affinity);
    return ok("exec --process cpus.json a").out().split("\\s+")[1];
  }

  @Test
  void cpuAffinity() {
    String all = ok("exec a grep Cpus_allowed_list /proc/self/status").out().split("\\s+")[1];
    assertThat(all).isNotEqualTo("0");
    assertThat(allowedCpus("{\"initial\":\"0-1\",\"final\":\"0\"}")).isEqualTo("0");
    assertThat(allowedCpus("{\"final\":\"1\"}")).isEqualTo("1");
    // What is not said is as the container has it.
    assertThat(allowedCpus("{\"initial\":\"0\"}")).isEqualTo(all);
    for (String wrong : List.of("1-0", "x", "8000")) {
      cpusProcess("{\"initial\":\"" + wrong + "\"}");
      fails(255, "exec --process cpus.json a", "execCPUAffinity", wrong);
    }
  }

  @Test
  void detached() {
    ok("exec -d --pid-file exec.pid a sleep 500 > /dev/null 2>&1");
    String pid = box.ok("cat exec.pid").out();
    assertThat(box.ok("tr '\\0' ' ' < /proc/" + pid + "/cmdline").out()).isEqualTo("sleep 500 ");
    assertThat(box.ok("cat /proc/" + pid + "/cgroup").out()).contains(box.cgroup() + "/exec");
    assertThat(ok("ps -f json a").out()).contains("," + pid + "]");
    box.ok("kill " + pid + "; while [ -e /proc/" + pid + " ]; do sleep 0.05; done");
  }

  @Test
  void signalsArePassedOn() {
    try (Running running =
        box.start(
            "exec $CELL --root "
                + ROOT
                + " exec a sh -c 'trap \"exit 9\" INT; echo ready; while :; do sleep 0.1; done'"
                + " < /dev/null")) {
      running.awaitOutput("ready", Box.TIMEOUT_SECONDS);
      box.ok("pkill -INT -o -f -- '--root " + ROOT + " exec a sh'");
      running.await(Box.TIMEOUT_SECONDS).expect(9);
    }
  }

  @Test
  void descriptorsArePassedOnOnlyIfAskedFor() {
    box.ok("echo content > fd.txt");
    Result without =
        box.run("exec 3< fd.txt; $CELL --root " + ROOT + " exec a cat /proc/self/fd/3 < /dev/null");
    assertThat(without.exit()).isNotZero();
    assertThat(
            box.ok(
                    "exec 3< fd.txt; $CELL --root "
                        + ROOT
                        + " exec --preserve-fds 1 a sh -c 'cat <&3' < /dev/null")
                .out())
        .isEqualTo("content\n");
    assertThat(ok("exec a ls /proc/self/fd").out().lines().toList()).hasSizeLessThanOrEqualTo(4);
  }

  @Test
  void aGroupBelowTheContainers() {
    String group =
        box.ok(
                "sed -n 's/.*:freezer:/\\/sys\\/fs\\/cgroup\\/freezer/p' /proc/"
                    + state("a").integer("pid", 0)
                    + "/cgroup")
            .out()
            .strip();
    box.ok("mkdir " + group + "/sub");
    assertThat(ok("exec --cgroup freezer:sub a grep freezer /proc/self/cgroup").out())
        .endsWith("/sub\n");
    fails(255, "exec --cgroup freezer:nowhere a true", "nowhere");
    box.ok("rmdir " + group + "/sub");
  }

  @Test
  void manyAtOnce() {
    String script =
        "for i in $(seq 20); do $CELL --root "
            + ROOT
            + " exec a sh -c \"exit $i\" < /dev/null & pids[$i]=$!; done;"
            + " for i in $(seq 20); do wait ${pids[$i]}; [ $? = $i ] || echo wrong $i; done";
    assertThat(box.ok(script).out()).isEmpty();
  }
}
