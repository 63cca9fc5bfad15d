package dev.casemate.e2e.docker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import org.junit.jupiter.api.Test;

/** Restarts of dockerd while containers run. */
final class DockerRestartTest extends DockerCases {
  @Test
  void containersOutliveARestart() {
    String name =
        detached(
            "live",
            "sh",
            "-c",
            "echo $$-started; i=0; while :; do i=$((i+1)); echo line-$i; sleep 0.2; done");
    String started = inspect(name, "{{.State.StartedAt}}");
    script(name, "echo kept > /tmp/file").expect(0);
    engine().stop();
    engine().start();
    assertThat(inspect(name, "{{.State.Running}}")).isEqualTo("true");
    assertThat(inspect(name, "{{.State.StartedAt}}")).isEqualTo(started);
    assertThat(script(name, "cat /tmp/file").expect(0).out()).isEqualTo("kept\n");
    int before = docker("logs", name).ok().out().lines().toList().size();
    Wait.until(
        SECONDS,
        "the log to go on",
        () -> docker("logs", name).ok().out().lines().toList().size() > before);
    remove(name);
  }

  @Test
  void containersOutliveACrash() {
    String name = detached("crash", "sleep", "1000");
    script(name, "echo kept > /tmp/file").expect(0);
    engine().kill();
    engine().start();
    assertThat(inspect(name, "{{.State.Running}}")).isEqualTo("true");
    assertThat(script(name, "cat /tmp/file").expect(0).out()).isEqualTo("kept\n");
    docker("stop", "-t", "1", name).ok();
    assertThat(inspect(name, "{{.State.ExitCode}}")).isEqualTo("137");
    remove(name);
  }

  @Test
  void aContainerThatEndsMeanwhileIsSeenToHaveEnded() {
    String name =
        detached("meanwhile", "sh", "-c", "while [ ! -e /end ]; do sleep 0.1; done; exit 6");
    // The order to end is given before the daemon is gone, the end comes after.
    docker("exec", "-d", name, "sh", "-c", "sleep 3; touch /end").ok();
    engine().stop();
    Wait.millis(6000);
    engine().start();
    // containerd does not ask a shim whose container has ended for its status when it starts.
    await(name, "{{.State.Status}}", "exited");
    remove(name);
  }

  @Test
  void aContainerWithTheAlwaysPolicyComesBackAfterACrashOfItsShim() {
    String name = detached("always", java.util.List.of("--restart", "always"), "sleep", "1000");
    String id = inspect(name, "{{.Id}}");
    Shell.run("pkill -KILL -f -- '[c]ontainerd-shim.*" + id + "'");
    Wait.until(
        SECONDS,
        () -> name + " to be restarted: " + docker("ps", "-a").run(),
        () ->
            !inspect(name, "{{.RestartCount}}").equals("0")
                && inspect(name, "{{.State.Running}}").equals("true"));
    assertThat(script(name, "echo back").expect(0).out()).isEqualTo("back\n");
    remove(name);
  }
}
