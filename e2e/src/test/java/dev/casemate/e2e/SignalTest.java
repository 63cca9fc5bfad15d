package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Signals to the command, and the death of each process that has a part in a container. */
class SignalTest extends EndToEnd {
  private static final String FOREVER = "while :; do sleep 0.1; done";

  @Test
  void signalsAreForwarded() {
    Running running =
        call(
                "run",
                "--rm",
                IMAGE,
                "sh",
                "-c",
                "trap 'echo usr1' USR1; trap 'echo hup' HUP; trap 'echo bye; exit 12' TERM; echo"
                    + " ready; "
                    + FOREVER)
            .start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    running.signal(Signals.USR1);
    running.awaitOutput("usr1", Casemate.TIMEOUT_SECONDS);
    running.signal(Signals.HUP);
    running.awaitOutput("hup", Casemate.TIMEOUT_SECONDS);
    running.signal(Signals.TERM);
    Result result = running.await(Casemate.TIMEOUT_SECONDS).expect(12);
    assertThat(result.out()).isEqualTo("ready\nusr1\nhup\nbye\n");
    assertThat(result.err()).isEmpty();
  }

  /**
   * An ordinary program as PID 1 has no handler, and the kernel spares it: the third Ctrl-C kills.
   */
  @Test
  void threeTimesControlC() {
    Running running = call("run", "--rm", "--name", "thrice", IMAGE, "sleep", "1000000").start();
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "the workload to run",
        () -> ok("ps").out().contains("Up ") || !running.isAlive());
    for (int i = 0; i < 3; i++) {
      Wait.millis(300);
      running.signal(Signals.INT);
    }
    running.await(Casemate.TIMEOUT_SECONDS).expect(137);
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 20, 60, 200, 600, 1200, 2000})
  void controlCAtAnyMoment(int millis) {
    Running running = call("run", "--name", "moment", IMAGE, "sleep", "1000000").start();
    Wait.millis(millis);
    running.signal(Signals.INT);
    // If the workload has begun meanwhile it ignores that, as above.
    for (int i = 0; i < 2 && !running.ended(5000); i++) {
      running.signal(Signals.INT);
    }
    Result result = running.await(Casemate.TIMEOUT_SECONDS);
    assertThat(result.exit()).as(result.toString()).isIn(130, 137);
    assertThat(errors(result)).as(result.toString()).isEmpty();
    ok("rm", "-f", "moment");
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 300, 1000})
  void detachedStartsCanBeInterrupted(int millis) {
    Running running = call("run", "-d", "--name", "moment", IMAGE, "sleep", "1000000").start();
    Wait.millis(millis);
    running.signal(Signals.INT);
    Result result = running.await(Casemate.TIMEOUT_SECONDS);
    // Either it was in time and nothing is left, or the container runs and its id was told.
    if (result.exit() != 0) {
      assertThat(result.exit()).as(result.toString()).isEqualTo(130);
      assertThat(ok("ps", "-a", "-q").out()).isEmpty();
    } else {
      assertThat(ok("ps", "-q", "--no-trunc").out()).isEqualTo(result.out());
    }
    ok("rm", "-f", "moment");
  }

  @Test
  void theCommandIsKilledWhileTheContainerRuns() {
    Running running =
        call("run", "--rm", "--name", "orphan", IMAGE, "sh", "-c", "echo ready; " + FOREVER)
            .start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    running.signal(Signals.KILL);
    running.await(Casemate.TIMEOUT_SECONDS).expect(137);
    // As with Docker the container goes on; it can be reached and ended.
    assertThat(ok("exec", "orphan", "echo", "alive").out()).isEqualTo("alive\n");
    assertThat(ok("logs", "orphan").out()).isEqualTo("ready\n");
    ok("stop", "-t", "0", "orphan");
    Wait.until(
        Casemate.TIMEOUT_SECONDS, "--rm to remove it", () -> ok("ps", "-a", "-q").out().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(ints = {30, 400, 1500})
  void theCommandIsKilledDuringTheStart(int millis) {
    Running running = call("run", "--name", "half", IMAGE, "sleep", "1000000").start();
    Wait.millis(millis);
    running.signal(Signals.KILL);
    running.await(Casemate.TIMEOUT_SECONDS).expect(137);
    ok("rm", "-f", "half");
    assertThat(ok("ps", "-a", "-q").out()).isEmpty();
  }

  private static int sandbox(String container) {
    return (int) state(container).integer("pid", 0);
  }

  @Test
  void theSandboxProcessIsKilled() {
    Running running =
        call("run", "--name", "headless", IMAGE, "sh", "-c", "echo ready; " + FOREVER).start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    int vmm = vmm("headless");
    Processes.kill(sandbox("headless"), Signals.KILL);
    isError(running.await(Casemate.TIMEOUT_SECONDS), 125, "sandbox");
    assertThat(ok("ps", "-a").out()).contains("headless", "Exited (255)");
    assertThat(state("headless").string("error")).contains("killed");
    assertThat(Traces.commandLine(vmm)).isEmpty();
    assertThat(ok("ps").out()).hasLineCount(1);
    ok("rm", "headless");
  }

  @Test
  void theSandboxProcessIsToldToEnd() {
    detached("told", "--network", "bridge", IMAGE, "sleep", "1000000");
    Processes.kill(sandbox("told"), Signals.TERM);
    Wait.until(
        Casemate.TIMEOUT_SECONDS, "its end", () -> state("told").string("status").equals("exited"));
    assertThat(state("told").integer("exitCode", 0)).isEqualTo(137);
    assertThat(state("told").string("error")).contains("SIGTERM");
    ok("rm", "told");
  }

  @Test
  void theMachineMonitorIsKilled() {
    detached("stricken", IMAGE, "sleep", "1000000");
    Running exec = call("exec", "stricken", "sh", "-c", "echo ready; " + FOREVER).start();
    exec.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    final Running follower = call("logs", "-f", "stricken").start();
    Running waiter = call("wait", "stricken").start();
    Wait.millis(500);
    Processes.kill(vmm("stricken"), Signals.KILL);
    Result ended = exec.await(Casemate.TIMEOUT_SECONDS);
    assertThat(ended.exit()).as(ended.toString()).isIn(125, 137);
    assertThat(waiter.await(Casemate.TIMEOUT_SECONDS).expect(0).out()).isEqualTo("137\n");
    follower.await(Casemate.TIMEOUT_SECONDS).expect(0);
    assertThat(state("stricken").string("error")).contains("VM");
    assertThat(ok("ps", "-a").out()).contains("Exited (137)");
    ok("rm", "stricken");
  }

  @Test
  void theMachineMonitorIsKilledUnderTheForeground() {
    Running running =
        call("run", "--rm", "--name", "stricken", IMAGE, "sh", "-c", "echo ready; " + FOREVER)
            .start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    Processes.kill(vmm("stricken"), Signals.KILL);
    running.await(Casemate.TIMEOUT_SECONDS).expect(137);
  }

  @Test
  void theMachineMonitorDiesDuringTheBoot() {
    Running running =
        call("run", "--name", "stillborn", "--template", "never", IMAGE, "true").start();
    Wait.until(Casemate.TIMEOUT_SECONDS, "QEMU", () -> !qemus().isEmpty() || !running.isAlive());
    Processes.kill(qemus().getFirst(), Signals.KILL);
    Result result = running.await(Casemate.TIMEOUT_SECONDS);
    isErrorWithConsole(result, "failed while starting the guest", "ended by signal 9");
    assertThat(ok("ps", "-a", "-q").out()).isEmpty();
  }

  /** It boots then: the same start goes on with another VM. */
  @Test
  void theMachineMonitorOfACopyDiesAtItsStart() {
    call("template", "build").run().expect(0);
    Running running = call("run", "--rm", IMAGE, "echo", "started").start();
    Wait.until(Casemate.TIMEOUT_SECONDS, "QEMU", () -> !qemus().isEmpty() || !running.isAlive());
    Processes.kill(qemus().getFirst(), Signals.KILL);
    Result result = running.await(Casemate.TIMEOUT_SECONDS);
    assertThat(result.expect(0).out()).isEqualTo("started\n");
  }

  @Test
  void theSandboxProcessDiesDuringTheBoot() {
    Running running = call("run", "--name", "stillborn", IMAGE, "true").start();
    Wait.until(Casemate.TIMEOUT_SECONDS, "QEMU", () -> !qemus().isEmpty() || !running.isAlive());
    for (int pid : Traces.pids()) {
      if (Traces.commandLine(pid).startsWith("casemate-sandbox")) {
        Processes.kill(pid, Signals.KILL);
      }
    }
    isError(running.await(Casemate.TIMEOUT_SECONDS), 125, "sandbox");
    assertThat(ok("ps", "-a", "-q").out()).isEmpty();
  }

  /** The first line is the error; the guest's last words may follow it. */
  static void isErrorWithConsole(Result result, String... fragments) {
    result.expect(125);
    List<String> lines = errors(result);
    assertThat(lines).as(result.toString()).isNotEmpty();
    assertThat(lines.getFirst()).as(result.toString()).startsWith("casemate: ");
    for (String fragment : fragments) {
      assertThat(lines.getFirst()).as(result.toString()).contains(fragment);
    }
    assertThat(lines.subList(1, lines.size()))
        .as(result.toString())
        .allMatch(l -> l.startsWith("  | "));
  }

  private static List<Integer> qemus() {
    return Traces.pids().stream()
        .filter(pid -> Traces.commandLine(pid).contains("qemu-system"))
        .toList();
  }

  @Test
  void theGuestFallsSilent() {
    detached("silent", IMAGE, "sleep", "1000000");
    Processes.kill(vmm("silent"), Signals.STOP);
    ok("rm", "-f", "silent");
  }
}
