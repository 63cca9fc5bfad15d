package dev.casemate.e2e.docker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A container's life with Docker. */
final class DockerLifeTest extends DockerCases {
  @Test
  void run() throws Exception {
    Result result =
        docker(
                "run",
                "--rm",
                "-e",
                "GIVEN=a b",
                "-w",
                "/srv",
                "-u",
                "1234",
                "--hostname",
                "box",
                IMAGE,
                "sh",
                "-c",
                "echo $GIVEN; pwd; id -u; hostname; cat /proc/version; echo err >&2; exit 7")
            .run();
    result.expect(7);
    List<String> lines = result.out().lines().toList();
    assertThat(lines.subList(0, 4)).containsExactly("a b", "/srv", "1234", "box");
    assertThat(lines.get(4).equals(Files.readString(Path.of("/proc/version")).strip()))
        .isEqualTo(!VM);
    assertThat(result.err()).contains("err\n");
  }

  @Test
  void aContainerThatRuns() throws Exception {
    String name =
        detached(
            "runs",
            List.of("--memory", "200m"),
            "sh",
            "-c",
            "echo one; echo two >&2; head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000");
    logsAndTop(name);
    execs(name);
    stats(name);
    copy(name);
    pauseAndUpdate(name);
    remove(name);
  }

  @Test
  void byTheNameOfTheRuntimeType() {
    String type = dev.casemate.e2e.engine.RuntimeUnderTest.chosen().type();
    assertThat(docker("run", "--rm", "--runtime", type, IMAGE, "echo", "by-type").ok().out())
        .isEqualTo("by-type\n");
  }

  @Test
  void standardInput() {
    Result result =
        docker("run", "--rm", "-i", IMAGE, "sh", "-c", "cat; echo ended").input("typed\n").run();
    result.expect(0);
    assertThat(result.out()).isEqualTo("typed\nended\n");
  }

  @Test
  void aTerminal() {
    Result result =
        docker(
                "run",
                "--rm",
                "-it",
                IMAGE,
                "sh",
                "-c",
                "tty; until stty size | grep '33 99'; do sleep 0.1; done; exit 5")
            .inTerminal()
            .run();
    result.expect(5);
    assertThat(result.out()).contains("/dev/").contains("33 99");
  }

  private static void logsAndTop(String name) {
    Wait.until(SECONDS, "both lines", () -> docker("logs", name).run().err().contains("two"));
    Result logs = docker("logs", name).ok();
    assertThat(logs.out()).isEqualTo("one\n");
    assertThat(logs.err()).isEqualTo("two\n");
    // dockerd asks the host's ps about the processes that it is told of: the VM's.
    Result top = docker("top", name).ok();
    assertThat(top.out()).as(top.toString()).contains("PID").contains(VM ? "qemu-system" : "sleep");
  }

  private static void execs(String name) {
    Result result =
        docker(
                "exec",
                "-i",
                "-e",
                "A=b",
                "-w",
                "/tmp",
                "-u",
                "1234",
                name,
                "sh",
                "-c",
                "echo $A; pwd; id -u; cat; exit 3")
            .input("in\n")
            .run();
    result.expect(3);
    assertThat(result.out()).isEqualTo("b\n/tmp\n1234\nin\n");
    try (Running shell = docker("exec", "-it", name, "sh").inTerminal().openInput().start()) {
      Wait.millis(500);
      shell.type("echo is-a-$((40+2))-tty; tty\n");
      shell.awaitOutput("is-a-42-tty", SECONDS);
      shell.awaitOutput("/dev/pts/", SECONDS);
      shell.type("exit 4\n");
      assertThat(shell.await(SECONDS).exit()).isEqualTo(4);
    }
    Result missing = docker("exec", name, "no-such-program").run();
    assertThat(missing.exit()).isIn(126, 127);
    assertThat(missing.out() + missing.err()).contains("no-such-program");
    docker("exec", "-d", name, "touch", "/from-detached").ok();
    Wait.until(SECONDS, "the detached exec", () -> script(name, "ls /from-detached").exit() == 0);
  }

  private static void stats(String name) {
    Wait.until(
        SECONDS,
        () -> "20 MB in " + docker("stats", "--no-stream", "--format", "{{json .}}", name).run(),
        () -> memoryMib(name) > 15);
    Json.Obj stats =
        Json.parseObject(docker("stats", "--no-stream", "--format", "{{json .}}", name).text());
    assertThat(stats.string("MemUsage")).as(stats.text()).contains("/ 200MiB");
    assertThat(Integer.parseInt(stats.string("PIDs"))).isGreaterThan(1);
    assertThat(stats.string("NetIO")).doesNotStartWith("--");
  }

  private static void copy(String name) throws Exception {
    Path directory = dev.casemate.e2e.engine.Places.fresh(fresh("copy"));
    Files.writeString(directory.resolve("in"), "to the container\n");
    docker("cp", directory.resolve("in").toString(), name + ":/srv/in").ok();
    assertThat(script(name, "cat /srv/in").expect(0).out()).isEqualTo("to the container\n");
    script(name, "mkdir /srv/out; echo from > /srv/out/file").expect(0);
    docker("cp", name + ":/srv/out", directory.toString()).ok();
    assertThat(Files.readString(directory.resolve("out/file"))).isEqualTo("from\n");
    assertThat(docker("diff", name).text()).contains("A /srv/in");
  }

  private static void pauseAndUpdate(String name) {
    docker("pause", name).ok();
    assertThat(inspect(name, "{{.State.Status}}")).isEqualTo("paused");
    docker("unpause", name).ok();
    assertThat(inspect(name, "{{.State.Status}}")).isEqualTo("running");
    docker("update", "--memory", "240m", "--memory-swap", "240m", "--cpus", "0.7", name).ok();
    assertThat(inspect(name, "{{.HostConfig.Memory}}")).isEqualTo(Long.toString(240L << 20));
    assertThat(docker("stats", "--no-stream", "--format", "{{.MemUsage}}", name).text())
        .contains("/ 240MiB");
    assertThat(script(name, "echo alive").expect(0).out()).isEqualTo("alive\n");
  }

  private static double memoryMib(String name) {
    String text = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", name).text();
    return text.contains("MiB /") ? Double.parseDouble(text.substring(0, text.indexOf("MiB"))) : 0;
  }

  @Test
  void killStopAndWait() {
    String polite =
        detached(
            "polite",
            "sh",
            "-c",
            "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done");
    // The kernel drops a TERM for a first process that has no handler yet.
    Wait.until(SECONDS, "the handler", () -> docker("logs", polite).ok().out().contains("ready"));
    try (Running waiting = docker("wait", polite).start()) {
      docker("stop", "-t", "60", polite).ok();
      assertThat(waiting.await(SECONDS).out()).isEqualTo("9\n");
    }
    assertThat(inspect(polite, "{{.State.ExitCode}}")).isEqualTo("9");
    String stubborn = detached("stubborn", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done");
    docker("stop", "-t", "1", stubborn).ok();
    assertThat(inspect(stubborn, "{{.State.ExitCode}}")).isEqualTo("137");
    docker("start", stubborn).ok();
    assertThat(inspect(stubborn, "{{.State.Running}}")).isEqualTo("true");
    docker("kill", "-s", "KILL", stubborn).ok();
    await(stubborn, "{{.State.Status}} {{.State.ExitCode}}", "exited 137");
    remove(polite, stubborn);
  }

  @Test
  void restartKeepsTheFiles() {
    String name = detached("restart", "sleep", "1000");
    script(name, "echo kept > /file; sync").expect(0);
    docker("restart", "-t", "1", name).ok();
    assertThat(script(name, "cat /file").expect(0).out()).isEqualTo("kept\n");
    remove(name);
  }

  @Test
  void restartPolicies() {
    String always = detached("again", List.of("--restart", "on-failure:2"), "sh", "-c", "exit 3");
    await(always, "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}", "exited 2 3");
    remove(always);
  }

  @Test
  void healthChecks() {
    String name =
        detached(
            "health",
            List.of(
                "--health-cmd",
                "test -e /healthy",
                "--health-interval",
                "1s",
                "--health-retries",
                "1",
                "--health-timeout",
                "60s"),
            "sleep",
            "1000");
    await(name, "{{.State.Health.Status}}", "unhealthy");
    script(name, "touch /healthy").expect(0);
    await(name, "{{.State.Health.Status}}", "healthy");
    remove(name);
  }

  @Test
  void outOfMemoryIsTold() {
    String name =
        detached(
            "oom",
            List.of("--memory", "96m", "--memory-swap", "96m"),
            "sh",
            "-c",
            "head -c 300000000 /dev/zero | tail -c 300000000 | wc -c; sleep 1");
    assertThat(docker("wait", name).ok().out()).isNotEmpty();
    assertThat(docker("logs", name).ok().out()).doesNotContain("300000000");
    assertThat(inspect(name, "{{.State.OOMKilled}}")).isEqualTo("true");
    remove(name);
  }

  @Test
  void aProgramThatIsNotThere() {
    String name = fresh("missing");
    Result result = docker("run", "--name", name, IMAGE, "/no-such-program").run();
    result.expect(127);
    assertThat(result.err()).contains("/no-such-program");
    remove(name);
  }

  @Test
  void withAnInit() {
    Result result = docker("run", "--rm", "--init", IMAGE, "sh", "-c", "cat /proc/1/comm; :").run();
    result.expect(0);
    assertThat(result.out()).startsWith("docker-init");
  }
}
