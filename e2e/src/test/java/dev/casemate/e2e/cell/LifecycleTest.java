package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The life of a container by hand, command by command, as runc has it. */
class LifecycleTest extends CellTest {
  private static Bundle sleeper() {
    return Bundle.make(box, "sleeper", "sleep", "1000");
  }

  @Test
  void createStartKillDelete() {
    sleeper();
    ok("create -b sleeper --pid-file sleeper/pid a > sleeper/out 2>&1");
    Json.Obj created = state("a");
    assertThat(created.string("status")).isEqualTo("created");
    assertThat(created.string("ociVersion")).isEqualTo("1.3.0");
    assertThat(created.string("id")).isEqualTo("a");
    assertThat(created.string("bundle")).isEqualTo(box.files() + "/sleeper");
    assertThat(created.string("rootfs")).isEqualTo(box.files() + "/sleeper/rootfs");
    String pid = box.ok("cat sleeper/pid").out();
    assertThat(created.integer("pid", 0)).isEqualTo(Long.parseLong(pid));
    assertThat(box.ok("cat /proc/" + pid + "/cmdline | tr '\\0' ' '").out())
        .doesNotContain("sleep 1000");
    ok("start a");
    assertThat(status("a")).isEqualTo("running");
    assertThat(box.ok("cat /proc/" + pid + "/cmdline | tr '\\0' ' '").out())
        .isEqualTo("sleep 1000 ");
    assertThat(box.ok("cat /proc/" + pid + "/cgroup").out()).contains(box.cgroup() + "/sleeper");
    ok("kill a KILL");
    await("a", "stopped");
    assertThat(state("a").integer("pid", -1)).isZero();
    ok("delete a");
    fails(1, "state a", "does not exist");
  }

  @Test
  void whatIsNotAllowedInAStateIsRefusedWithRuncsWords() {
    sleeper();
    fails(1, "state a", "container does not exist");
    fails(1, "start a", "container does not exist");
    fails(1, "kill a", "container does not exist");
    fails(1, "delete a", "container does not exist");
    fails(255, "exec a true", "container does not exist");
    ok("delete --force a");
    ok("create --bundle sleeper a > /dev/null 2>&1");
    fails(1, "create --bundle sleeper a", "already exists");
    fails(1, "resume a", "container not paused");
    ok("start a");
    fails(1, "start a", "cannot start an already running container");
    fails(1, "delete a", "cannot delete container a that is not stopped: running");
    assertThat(status("a")).isEqualTo("running");
    ok("kill a 9");
    await("a", "stopped");
    fails(1, "kill a TERM", "container not running");
    ok("kill --all a KILL");
    fails(1, "start a", "cannot start a container that has stopped");
    fails(255, "exec a true", "cannot exec in a stopped container");
    fails(1, "pause a", "container not running");
    fails(1, "events --stats a", "is not running");
    ok("delete a");
  }

  @Test
  void aContainerThatWasNeverStartedIsKilledOrDeletedByForce() {
    sleeper();
    ok("create --bundle sleeper a > /dev/null 2>&1");
    fails(1, "delete a", "cannot delete container a that is not stopped: created");
    ok("delete -f a");
    ok("create --bundle sleeper a > /dev/null 2>&1");
    ok("kill a KILL");
    await("a", "stopped");
    ok("delete a");
  }

  @Test
  void aCreatedContainerEndsBySignalsThatEndProcesses() {
    sleeper();
    for (String signal : List.of("TERM", "INT", "USR1", "RTMIN+3")) {
      ok("create --bundle sleeper a > /dev/null 2>&1");
      ok("kill a WINCH");
      ok("kill a CONT");
      ok("exec a true");
      assertThat(status("a")).isEqualTo("created");
      ok("kill a " + signal);
      await("a", "stopped");
      fails(1, "start a", "cannot start a container that has stopped");
      ok("delete a");
    }
  }

  @Test
  void theCommandHasEverySignalUnblockedAndAtItsDefault() {
    Bundle.make(box, "mask", "grep", "Sig[BIC]", "/proc/self/status");
    ok("create --bundle mask a > mask/out 2>&1");
    ok("start a");
    await("a", "stopped");
    ok("delete a");
    assertThat(box.ok("cut -f2 mask/out").out()).isEqualTo("0000000000000000\n".repeat(3));
  }

  @Test
  void aContainerWithoutAProcessIsMadeButCannotBeStarted() {
    Bundle.make(box, "empty", "true").with(b -> b.config().fields().remove("process"));
    ok("create -b empty a > /dev/null 2>&1");
    assertThat(status("a")).isEqualTo("created");
    assertThat(ok("exec --cwd / -e PATH=/bin a echo other").out()).isEqualTo("other\n");
    fails(1, "start a", "config.json has no process");
    assertThat(status("a")).isEqualTo("created");
    ok("delete -f a");
    fails(1, "run -b empty a", "config.json has no process");
    fails(1, "state a", "does not exist");
  }

  @Test
  void theBundleMayChangeOnceTheContainerIsMade() {
    Bundle bundle = Bundle.make(box, "changing", "sh", "-c", "exit 3");
    ok("create --bundle changing a > /dev/null 2>&1");
    bundle.text("{ not JSON");
    ok("start a");
    await("a", "stopped");
    ok("delete a");
  }

  @Test
  void runWaitsAndHasTheExitStatus() {
    Bundle bundle = Bundle.make(box, "run", "sh", "-c", "echo out; echo err >&2; exit 42");
    Result result = cell("run --bundle run a").expect(42);
    assertThat(result.out()).isEqualTo("out\n");
    assertThat(result.err()).isEqualTo("err\n");
    bundle.with(b -> b.process().putStrings("args", List.of("cat")));
    assertThat(box.ok("printf 'a\\0b' | $CELL --root " + ROOT + " run -b run a | od -c").out())
        .contains("a  \\0   b");
    // The first process of a pid namespace cannot kill itself, but that of another's can.
    bundle.with(
        b -> b.process().putStrings("args", List.of("sh", "-c", "sh -c 'kill -9 $$'; exit $?")));
    cell("run --bundle run a").expect(137);
    cell("run --bundle run --keep a").expect(137);
    assertThat(status("a")).isEqualTo("stopped");
    ok("delete a");
  }

  @Test
  void runPassesSignalsOn() {
    Bundle.make(
        box,
        "trap",
        "sh",
        "-c",
        "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.1; done");
    try (Running running =
        box.start("exec $CELL --root " + ROOT + " run --bundle trap a < /dev/null")) {
      running.awaitOutput("ready", Box.TIMEOUT_SECONDS);
      box.ok("pkill -TERM -f -o -- '--root " + ROOT + " run --bundle trap'");
      Result result = running.await(Box.TIMEOUT_SECONDS).expect(5);
      assertThat(result.out()).isEqualTo("ready\nterm\n");
    }
  }

  @Test
  void runDetachedStaysUntilDelete() {
    sleeper();
    ok("run -d -b sleeper --pid-file pid a > /dev/null 2>&1");
    assertThat(state("a").integer("pid", 0)).isEqualTo(Long.parseLong(box.ok("cat pid").out()));
    ok("delete -f a");
  }

  @Test
  void killSendsSignalsByNameAndNumber() {
    Bundle.make(
            box,
            "signals",
            "sh",
            "-c",
            "trap 'echo usr1 >> /log' USR1; trap 'echo hup >> /log' HUP; trap 'exit 0' INT; echo >"
                + " /log; while :; do sleep 0.1; done")
        .with(b -> b.config().object("root").orElseThrow().put("readonly", false));
    ok("run -d -b signals a > /dev/null 2>&1");
    box.ok("until [ -s signals/rootfs/log ]; do sleep 0.05; done");
    for (String signal : List.of("USR1", "SIGUSR1", "10", "hup")) {
      box.ok("rm signals/rootfs/log");
      ok("kill a " + signal);
      box.ok("until [ -s signals/rootfs/log ]; do sleep 0.05; done");
      assertThat(box.ok("cat signals/rootfs/log").out().strip())
          .isEqualTo(signal.equals("hup") ? "hup" : "usr1");
    }
    fails(1, "kill a FOO", "unknown signal \"FOO\"");
    ok("kill a INT");
    await("a", "stopped");
    ok("delete a");
  }

  @Test
  void listShowsAllContainers() {
    sleeper();
    assertThat(ok("list").out()).startsWith("ID ").hasLineCount(1);
    assertThat(ok("list --format json").out()).isEqualTo("null\n");
    ok("create --bundle sleeper b > /dev/null 2>&1");
    Bundle.make(box, "sleeper2", "sleep", "1000");
    ok("run -d --bundle sleeper2 a > /dev/null 2>&1");
    String json = ok("list -f json").out();
    Json.Arr list = (Json.Arr) Json.parse(json);
    assertThat(list.values()).hasSize(2);
    Json.Obj last = (Json.Obj) list.values().getLast();
    assertThat(last.string("id")).isEqualTo("b");
    assertThat(last.string("owner")).isEqualTo("root");
    assertThat(ok("list").out()).contains("ID", "STATUS", "BUNDLE", "CREATED", "OWNER");
    assertThat(ok("list -q").out()).contains("b\n");
    ok("delete -f a");
    ok("delete -f b");
  }

  @Test
  void pauseAndResume() {
    sleeper();
    ok("run -d -b sleeper a > /dev/null 2>&1");
    ok("pause a");
    assertThat(status("a")).isEqualTo("paused");
    fails(255, "exec a true", "cannot exec in a paused container");
    fails(1, "pause a", "container not running");
    ok("resume a");
    assertThat(status("a")).isEqualTo("running");
    ok("exec a true");
    ok("pause a");
    ok("delete -f a");
  }

  @Test
  void psShowsTheContainersProcesses() {
    Bundle.make(box, "two", "sh", "-c", "sleep 1001 & sleep 1002; true");
    ok("run -d -b two a > /dev/null 2>&1");
    Wait.until(30, "three processes", () -> ok("ps a").out().lines().count() == 4);
    assertThat(ok("ps a").out()).contains("UID ", "sleep 1001", "sleep 1002");
    Json.Arr pids = (Json.Arr) Json.parse(ok("ps --format json a").out());
    assertThat(pids.values()).hasSize(3);
    assertThat(ok("ps a -o pid,args").out()).contains("sleep 1002").hasLineCount(4);
    fails(1, "ps a -o args", "no column PID");
    ok("kill --all a KILL");
    await("a", "stopped");
    ok("delete a");
  }

  @Test
  void updateChangesLimitsByFlagAndByFile() {
    sleeper();
    ok("run -d -b sleeper a > /dev/null 2>&1");
    String memory = "/sys/fs/cgroup/memory" + box.cgroup() + "/sleeper/memory.limit_in_bytes";
    ok("update --memory 64m --pids-limit 20 --cpu-quota 50000 --cpu-period 100000 a");
    assertThat(box.ok("cat " + memory).out().strip()).isEqualTo("67108864");
    assertThat(box.ok("cat /sys/fs/cgroup/pids" + box.cgroup() + "/sleeper/pids.max").out().strip())
        .isEqualTo("20");
    box.ok(
        "echo '{\"memory\":{\"limit\":33554432}}' | $CELL --root "
            + ROOT
            + " update --resources - a");
    assertThat(box.ok("cat " + memory).out().strip()).isEqualTo("33554432");
    ok("update --kernel-memory 64m a");
    fails(1, "update --memory 3x a", "invalid value \"3x\" for --memory");
    fails(1, "update --memory 64m none", "does not exist");
    fails(1, "update --l3-cache-schema L3:0=f a", "without linux.intelRdt");
    ok("delete -f a");
  }

  @Test
  void eventsTellStatisticsAndTheEnd() {
    sleeper();
    ok("run -d -b sleeper a > /dev/null 2>&1");
    Json.Obj event = Json.parseObject(ok("events --stats a").out());
    assertThat(event.string("type")).isEqualTo("stats");
    assertThat(event.string("id")).isEqualTo("a");
    Json.Obj data = event.object("data").orElseThrow();
    assertThat(
            data.object("memory").orElseThrow().object("usage").orElseThrow().integer("usage", 0))
        .isPositive();
    assertThat(data.object("pids").orElseThrow().integer("current", 0)).isEqualTo(1);
    assertThat(data.object("cpu").orElseThrow().object("usage").orElseThrow().integer("total", 0))
        .isPositive();
    try (Running running = box.start("exec $CELL --root " + ROOT + " events --interval 200ms a")) {
      running.awaitOutput("\"stats\"", Box.TIMEOUT_SECONDS);
      ok("delete -f a");
      running.await(Box.TIMEOUT_SECONDS).expect(0);
    }
  }

  @Test
  void logLinesGoToTheFileThatIsNamed() {
    box.ok("rm -f log.json");
    Result result = cell("--log $FILES/log.json --log-format json state none").expect(1);
    assertThat(result.err()).contains("container does not exist");
    List<String> lines = box.ok("cat log.json").out().lines().toList();
    assertThat(lines).hasSize(1);
    assertThat(Json.parseObject(lines.getFirst()).fields().keySet())
        .containsExactly("level", "msg", "time");
    assertThat(cell("--log /none/log state a").expect(1).err()).contains("/none/log");
  }

  @Test
  void rootIsMadeWithTheFirstContainer() {
    assertThat(box.ok("$CELL --root /run/none state x; ls /run/none 2>&1 || true").out())
        .contains("No such file");
  }

  @Test
  void aRootThatIsNamedAndDoesNotExistIsAnErrorOfList() {
    assertThat(cell("--root /run/none list").expect(1).err())
        .contains("/run/none: no such file or directory");
  }

  @Test
  void signalsThatEndTheCommandLeaveTheContainerAsItIs() {
    sleeper();
    ok("run -d -b sleeper a > /dev/null 2>&1");
    try (Running running = box.start("exec $CELL --root " + ROOT + " events --interval 100ms a")) {
      running.awaitOutput("stats", Box.TIMEOUT_SECONDS);
      running.signal(Signals.KILL);
      running.await(Box.TIMEOUT_SECONDS);
    }
    assertThat(status("a")).isEqualTo("running");
    ok("delete -f a");
  }
}
