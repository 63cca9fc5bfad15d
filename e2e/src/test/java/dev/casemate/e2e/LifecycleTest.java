package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A container from {@code run -d} to {@code rm}, and all that one can ask of it meanwhile. */
class LifecycleTest extends EndToEnd {
  private static String id = "";

  @BeforeAll
  static void start() {
    id =
        detached(
            "alive",
            "--hostname",
            "alive-host",
            "-m",
            "256m",
            IMAGE,
            "sh",
            "-c",
            "echo started; exec sleep 1000000");
  }

  @AfterAll
  static void stop() {
    remove("alive");
  }

  @Test
  void lists() {
    String table = ok("ps").out();
    assertThat(table).contains(id.substring(0, 12), "alive", "Up ", "sh -c echo started");
    assertThat(ok("ps", "-q").out()).isEqualTo(id.substring(0, 12) + "\n");
    assertThat(ok("ps", "-q", "--no-trunc").out()).isEqualTo(id + "\n");
    Json.Obj all = new Json.Obj().put("all", Json.parse(ok("ps", "--format", "json").out()));
    assertThat(all.objects("all")).hasSize(1);
    Json.Obj one = all.objects("all").getFirst();
    assertThat(one.string("id")).isEqualTo(id);
    assertThat(one.string("name")).isEqualTo("alive");
    assertThat(one.string("image")).isEqualTo(IMAGE);
    assertThat(one.string("imageDigest")).startsWith("sha256:");
    assertThat(one.object("state").orElseThrow().string("status")).isEqualTo("running");
  }

  @Test
  void inspects() {
    Json.Obj json = inspect("alive");
    assertThat(json.string("id")).isEqualTo(id);
    assertThat(json.strings("command")).startsWith("sh", "-c");
    Json.Obj sandbox = json.object("sandbox").orElseThrow();
    assertThat(sandbox.string("kernelRelease")).isNotEmpty();
    assertThat(sandbox.integer("memoryTotalBytes", 0)).isBetween(128L << 20, 256L << 20);
    assertThat(Traces.commandLine((int) sandbox.integer("pid", 0))).contains("qemu");
    assertThat(Traces.commandLine((int) json.object("state").orElseThrow().integer("pid", 0)))
        .startsWith("casemate-sandbox");
    // By the beginning of its id, and two at once.
    assertThat(ok("inspect", id.substring(0, 6), "alive").out().split(id, -1))
        .hasSizeGreaterThan(2);
  }

  @Test
  void top() {
    Result result = ok("top", "alive");
    assertThat(result.out()).startsWith("PID").contains("sleep 1000000");
    Json.Obj all =
        new Json.Obj().put("all", Json.parse(ok("top", "alive", "--format", "json").out()));
    Json.Obj process = all.objects("all").getFirst();
    assertThat(process.integer("pid", 0)).as(all.text()).isPositive();
    assertThat(process.integer("rssBytes", 0)).as(all.text()).isPositive();
    Running busy = call("exec", "-u", "nobody", "alive", "sleep", "12345").start();
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "the exec in the list of processes",
        () -> ok("top", "alive").out().contains("sleep 12345"));
    assertThat(ok("top", "alive").out()).containsPattern("(65534|nobody) .*sleep 12345");
    script("alive", "kill $(ps | grep '[s]leep 12345' | sed 's/^ *\\([0-9]*\\).*/\\1/')").expect(0);
    busy.await(Casemate.TIMEOUT_SECONDS).expect(143);
  }

  private static Json.Obj stats() {
    Json.Obj all =
        new Json.Obj().put("all", Json.parse(ok("stats", "alive", "--format", "json").out()));
    return all.objects("all").getFirst();
  }

  @Test
  void whatItUses() {
    Json.Obj before = stats();
    assertThat(before.integer("memoryBytes", 0)).as(before.text()).isBetween(10_000L, 256L << 20);
    assertThat(before.integer("vmMemoryBytes", 0)).as(before.text()).isEqualTo(256L << 20);
    assertThat(before.integer("pids", 0)).as(before.text()).isEqualTo(1);
    ok("exec", "-d", "alive", "sh", "-c", "timeout 8 sh -c 'while :; do :; done'");
    Wait.millis(1500);
    Json.Obj during = stats();
    assertThat(during.integer("cpuNanos", 0)).isGreaterThan(before.integer("cpuNanos", 0));
    assertThat(Double.parseDouble(cpu(during))).as(during.text()).isBetween(3.0, 110.0);
    assertThat(during.integer("pids", 0)).as(during.text()).isGreaterThan(1);
    script("alive", "dd if=/dev/zero of=/written bs=1M count=8 conv=fsync");
    assertThat(stats().integer("writtenBytes", 0)).isGreaterThan(4L << 20);
    assertThat(ok("stats").out()).contains("alive", "MiB", "%");
  }

  @Test
  void whatItCostsTheHost() {
    Json.Obj stats = stats();
    long pss = stats.integer("hostPssBytes", 0);
    long own = stats.integer("hostPrivateBytes", 0);
    // At least the guest's kernel, which QEMU has; at most all of the VM and what QEMU emulates it
    // with.
    assertThat(pss).as(stats.text()).isBetween(64L << 20, 512L << 20);
    assertThat(own).as(stats.text()).isBetween(48L << 20, pss);
    assertThat(stats.integer("hostSharedBytes", -1)).as(stats.text()).isEqualTo(pss - own);
    assertThat(ok("stats", "alive").out()).contains("HOST MEM");
    Json.Obj sandbox =
        new Json.Obj()
            .put("all", Json.parse(ok("inspect", "alive").out()))
            .objects("all")
            .getFirst()
            .object("sandbox")
            .orElseThrow();
    Json.Obj host = sandbox.object("host").orElseThrow();
    assertThat(host.integer("pssBytes", 0)).as(host.text()).isBetween(64L << 20, 512L << 20);
    long sum = 0;
    for (Json.Obj process : host.objects("processes")) {
      assertThat(process.integer("pssBytes", 0)).as(process.text()).isPositive();
      sum += process.integer("pssBytes", 0);
    }
    assertThat(host.integer("pssBytes", 0)).isEqualTo(sum);
    Json.Obj vmm = host.objects("processes").getFirst();
    assertThat(vmm.string("role")).isEqualTo("vmm");
    assertThat(vmm.integer("pid", 0)).isEqualTo(sandbox.integer("pid", -1));
  }

  private static String cpu(Json.Obj stats) {
    return stats.find("cpuPercent").orElseThrow().text();
  }

  @Test
  void pauses() {
    assertThat(ok("pause", "alive").out()).isEqualTo("alive\n");
    assertThat(ok("ps").out()).contains("(Paused)");
    assertThat(state("alive").string("status")).isEqualTo("paused");
    isError(run("exec", "alive", "true"), 125, "paused", "casemate unpause alive");
    isError(run("pause", "alive"), 1, "paused");
    ok("unpause", "alive");
    assertThat(state("alive").string("status")).isEqualTo("running");
    assertThat(ok("exec", "alive", "echo", "awake").out()).isEqualTo("awake\n");
  }

  @Test
  void logsOfARunningContainer() {
    assertThat(ok("logs", "alive").out()).isEqualTo("started\n");
    assertThat(ok("logs", "-t", "alive").out())
        .matches("20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d[.\\d]*Z started\n");
  }

  @Test
  void refusals() {
    isError(run("rm", "alive"), 1, "container alive is running", "casemate rm -f alive");
    isError(
        run("run", "--name", "alive", IMAGE, "true"),
        125,
        "name \"alive\" is in use",
        "rm -f alive");
    // One that fails does not keep the other from its turn.
    isError(run("kill", "-s", "CONT", "nobody", "alive"), 1, "no such container: nobody");
  }

  @Test
  void stopAsksAndTheWorkloadAnswers() {
    detached(
        "polite",
        "--stop-signal",
        "USR1",
        IMAGE,
        "sh",
        "-c",
        "trap 'echo bye; exit 6' USR1; echo ready; while :; do sleep 0.1; done");
    Running follower = call("logs", "-f", "polite").start();
    final Running waiter = call("wait", "polite").start();
    follower.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    ok("kill", "-s", "WINCH", "polite");
    ok("kill", "--signal", "28", "polite");
    assertThat(ok("stop", "polite").out()).isEqualTo("polite\n");
    assertThat(follower.await(Casemate.TIMEOUT_SECONDS).expect(0).out()).isEqualTo("ready\nbye\n");
    assertThat(waiter.await(Casemate.TIMEOUT_SECONDS).expect(0).out()).isEqualTo("6\n");
    assertThat(ok("ps", "-a").out()).contains("Exited (6)");
    assertThat(ok("logs", "polite").out()).isEqualTo("ready\nbye\n");
    assertThat(ok("logs", "-f", "-n", "1", "polite").out()).isEqualTo("bye\n");
    assertThat(state("polite").string("finished")).startsWith("20");
    ok("rm", "polite");
  }

  @Test
  void stopKillsWhatDoesNotAnswer() {
    detached(
        "stubborn", IMAGE, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done");
    Wait.until(
        Casemate.TIMEOUT_SECONDS, "the trap", () -> ok("logs", "stubborn").out().equals("ready\n"));
    Result result = ok("stop", "-t", "1", "stubborn");
    assertThat(result.millis()).isBetween(900L, 30_000L);
    assertThat(state("stubborn").integer("exitCode", 0)).isEqualTo(137);
    ok("rm", "stubborn");
  }

  @Test
  void killAndRemove() {
    detached("victim", "--rm", IMAGE, "sleep", "1000000");
    Running waiter = call("wait", "victim").start();
    Wait.millis(500);
    ok("kill", "victim");
    assertThat(waiter.await(Casemate.TIMEOUT_SECONDS).expect(0).out()).isEqualTo("137\n");
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "--rm to remove it",
        () -> !ok("ps", "-a").out().contains("victim"));
    detached("victim", IMAGE, "sleep", "1000000");
    assertThat(ok("rm", "-f", "victim").out()).isEqualTo("victim\n");
    assertThat(ok("ps", "-a").out()).doesNotContain("victim");
  }

  @Test
  void pausedContainersCanBeKilled() {
    detached("frozen", IMAGE, "sleep", "1000000");
    ok("pause", "frozen");
    ok("kill", "frozen");
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "its end",
        () -> state("frozen").string("status").equals("exited"));
    ok("rm", "frozen");
  }

  @Test
  void twoOfOneNameAtOnce() {
    List<Running> both =
        List.of(
            call("run", "-d", "--name", "twin", IMAGE, "sleep", "1000000").start(),
            call("run", "-d", "--name", "twin", IMAGE, "sleep", "1000000").start());
    Result first = both.get(0).await(Casemate.TIMEOUT_SECONDS);
    Result second = both.get(1).await(Casemate.TIMEOUT_SECONDS);
    Result winner = first.exit() == 0 ? first : second;
    Result loser = first.exit() == 0 ? second : first;
    winner.expect(0);
    isError(loser, 125, "container name \"twin\" is in use");
    remove("twin");
  }
}
