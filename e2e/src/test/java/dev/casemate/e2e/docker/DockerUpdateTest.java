package dev.casemate.e2e.docker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What docker update does to a container that runs: looked at from inside it. */
final class DockerUpdateTest extends DockerCases {
  /** The container's own control group, of either version. */
  private static String limit(String name, String unified, String legacy) {
    return script(
            name,
            "cd /sys/fs/cgroup; cat " + unified + " 2> /dev/null || cat " + legacy + " | xargs")
        .expect(0)
        .out()
        .strip();
  }

  private static String memory(String name) {
    return limit(name, "memory.max", "memory/memory.limit_in_bytes");
  }

  private static String cpu(String name) {
    return limit(name, "cpu.max", "cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us");
  }

  /** Takes so much memory for a moment; the exit status. */
  private static int take(String name, int bytes) {
    return script(name, "head -c " + bytes + " /dev/zero | tail -c " + bytes + " > /dev/null")
        .exit();
  }

  @Test
  void limitsOfAContainerThatRuns() {
    String name =
        detached(
            "update",
            List.of("-m", "200m", "--memory-swap", "200m", "--cpus", "0.5"),
            "sleep",
            "1000");
    assertThat(memory(name)).isEqualTo(Long.toString(200L << 20));
    assertThat(cpu(name)).isEqualTo("50000 100000");

    docker("update", "-m", "64m", "--memory-swap", "64m", "--cpus", "0.7", name).ok();
    assertThat(memory(name)).isEqualTo(Long.toString(64L << 20));
    assertThat(cpu(name)).isEqualTo("70000 100000");
    // It is not only written down.
    assertThat(take(name, 80_000_000)).isEqualTo(137);
    assertThat(inspect(name, "{{.State.Running}}")).isEqualTo("true");

    docker("update", "--pids-limit", "77", name).ok();
    assertThat(limit(name, "pids.max", "pids/pids.max")).isEqualTo("77");
    assertThat(memory(name)).isEqualTo(Long.toString(64L << 20));
    assertThat(cpu(name)).isEqualTo("70000 100000");

    // More than the VM has had so far.
    docker("update", "-m", "900m", "--memory-swap", "900m", name).ok();
    assertThat(memory(name)).isEqualTo(Long.toString(900L << 20));
    assertThat(take(name, 80_000_000)).isZero();
    if (VM) {
      Wait.until(
          SECONDS,
          () -> "a bigger VM, it has " + memoryMib(name) + " MiB",
          () -> memoryMib(name) > 900);
    }
    remove(name);
  }

  private static long memoryMib(String name) {
    return Long.parseLong(
            script(name, "awk '/MemTotal/ { print $2 }' /proc/meminfo").expect(0).out().strip())
        / 1024;
  }

  @Test
  void theRestartPolicyOfAContainerThatRuns() {
    String name = detached("policy", "sh", "-c", "until [ -e /end ]; do sleep 0.1; done; exit 3");
    assertThat(inspect(name, "{{.HostConfig.RestartPolicy.Name}}")).isEqualTo("no");
    docker("update", "--restart", "on-failure:2", name).ok();
    assertThat(script(name, "echo alive").expect(0).out()).isEqualTo("alive\n");
    script(name, "touch /end");
    await(name, "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}", "exited 3 2");
    remove(name);
  }
}
