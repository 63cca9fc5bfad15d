package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Wait;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a container may not do inside its VM, and how the user changes that. */
class IsolationTest extends EndToEnd {
  @BeforeAll
  static void start() {
    detached("plain", IMAGE, "sleep", "1000000");
    detached(
        "fitted",
        "--cap-drop",
        "ALL",
        "--cap-add",
        "CHOWN",
        "--cap-add",
        "cap_net_raw",
        "--pids-limit",
        "20",
        "--ulimit",
        "nofile=123:456",
        "--sysctl",
        "net.ipv4.ip_unprivileged_port_start=77",
        "--read-only",
        "--tmpfs",
        "/scratch:size=1m,mode=1777",
        "--label",
        "colour=blue",
        "--label",
        "bare",
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "no-new-privileges=false",
        IMAGE,
        "sleep",
        "1000000");
  }

  @AfterAll
  static void stop() {
    remove("plain", "fitted");
  }

  private static String inside(String container, String script) {
    Result result = script(container, script);
    return result.err() + result.out();
  }

  @Test
  void privilegesByDefault() {
    for (String status : new String[] {"/proc/1/status", "/proc/self/status"}) {
      Result result = script("plain", "cat " + status).expect(0);
      assertThat(result.value("CapEff:")).as(status).isEqualTo("00000000a80425fb");
      assertThat(result.value("CapBnd:")).as(status).isEqualTo("00000000a80425fb");
      assertThat(result.value("CapInh:")).as(status).isEqualTo("0000000000000000");
      assertThat(result.value("Seccomp:")).as(status).isEqualTo("2");
      assertThat(result.value("NoNewPrivs:")).as(status).isEqualTo("1");
    }
  }

  @Test
  void privilegesAsAskedFor() {
    for (String status : new String[] {"/proc/1/status", "/proc/self/status"}) {
      Result result = script("fitted", "cat " + status).expect(0);
      assertThat(result.value("CapEff:")).as(status).isEqualTo("0000000000002001");
      assertThat(result.value("CapBnd:")).as(status).isEqualTo("0000000000002001");
      assertThat(result.value("Seccomp:")).as(status).isEqualTo("0");
      assertThat(result.value("NoNewPrivs:")).as(status).isEqualTo("0");
    }
  }

  @Test
  void whatIsForbidden() {
    assertThat(inside("plain", "unshare -U true; echo $?"))
        .contains("not permitted")
        .endsWith("1\n");
    assertThat(inside("plain", "mount -t tmpfs x /mnt 2>&1 || mount -t tmpfs x /tmp; echo $?"))
        .doesNotEndWith("\n0\n");
    assertThat(inside("plain", "echo 1 > /proc/sys/kernel/panic; echo $?")).endsWith("1\n");
    assertThat(inside("plain", "echo b > /proc/sysrq-trigger; echo $?")).endsWith("1\n");
    assertThat(inside("plain", "head -c 1 /proc/kcore | wc -c")).endsWith("0\n");
    assertThat(inside("plain", "mknod /tmp/sda b 8 0 && head -c 1 /tmp/sda; echo $?"))
        .endsWith("1\n");
    assertThat(inside("plain", "mknod /tmp/vda b 254 0 && head -c 1 /tmp/vda; echo $?"))
        .endsWith("1\n");
    assertThat(inside("plain", "date -s 2001-01-01")).contains("not permitted");
    assertThat(inside("plain", "echo 1 > /sys/fs/cgroup/pids.max; echo $?")).endsWith("1\n");
    assertThat(inside("plain", "chroot /proc/1/root true && ls /proc/1/root/run"))
        .doesNotContain("kata");
  }

  @Test
  void whatThereIs() {
    Result result =
        script(
                "plain",
                """
                echo dev=$(ls /dev | tr '\\n' ' ')
                echo null=$(echo x > /dev/null; echo $?)
                echo shm=$(echo x > /dev/shm/x; cat /dev/shm/x)
                echo random=$(head -c 8 /dev/urandom | wc -c)
                echo loop=$(ping -c 1 127.0.0.1 > /dev/null; echo $?)
                echo root=$(touch /new; ls /new)
                echo tmp=$(stat -c %a /tmp)
                echo pids=$(cat /sys/fs/cgroup/pids.max)
                """)
            .expect(0);
    assertThat(result.value("dev="))
        .contains("null", "zero", "full", "random", "urandom", "tty")
        .contains("stdin", "stdout", "stderr", "fd", "ptmx", "pts", "shm");
    assertThat(result.value("null=")).isEqualTo("0");
    assertThat(result.value("shm=")).isEqualTo("x");
    assertThat(result.value("random=")).isEqualTo("8");
    assertThat(result.value("loop=")).isEqualTo("0");
    assertThat(result.value("root=")).isEqualTo("/new");
    assertThat(result.value("tmp=")).isEqualTo("1777");
    assertThat(result.value("pids=")).isEqualTo("4096");
  }

  @Test
  void limitsAsAskedFor() {
    Result result =
        script(
                "fitted",
                """
                echo port=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
                echo pids=$(cat /sys/fs/cgroup/pids.max)
                echo tmpfs=$(grep -c ' /scratch tmpfs .*size=1024k' /proc/mounts)
                echo wrote=$(echo x > /scratch/x; cat /scratch/x)
                """)
            .expect(0);
    assertThat(result.value("port=")).isEqualTo("77");
    assertThat(result.value("pids=")).isEqualTo("20");
    assertThat(result.value("tmpfs=")).isEqualTo("1");
    assertThat(result.value("wrote=")).isEqualTo("x");
    // The limits of the container's process; an exec has them, too.
    for (String pid : new String[] {"1", "self"}) {
      assertThat(inside("fitted", "grep 'open files' /proc/" + pid + "/limits"))
          .containsPattern("Max open files +123 +456 ");
    }
    assertThat(inside("fitted", "touch /x; echo $?")).contains("Read-only").endsWith("1\n");
    assertThat(inside("fitted", "dd if=/dev/zero of=/scratch/big bs=1M count=2 2>&1"))
        .contains("No space left");
  }

  @Test
  void tooManyProcesses() {
    assertThat(inside("fitted", "for i in $(seq 30); do sleep 2 & done 2>&1; true"))
        .contains("can't fork");
    // The container is alive after that.
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "an exec after the fork bomb",
        () -> run("exec", "fitted", "true").exit() == 0);
  }

  @Test
  void labels() {
    assertThat(inspect("fitted").stringMap("labels"))
        .containsEntry("colour", "blue")
        .containsEntry("bare", "");
  }

  @Test
  void execAsSomebodyElse() {
    Result result =
        ok(
            "exec",
            "-u",
            "nobody",
            "-w",
            "/var",
            "-e",
            "X=1 2",
            "-e",
            "PATH=/bin",
            "plain",
            "sh",
            "-c",
            "id -u; pwd; echo $X; echo $PATH; grep CapEff /proc/self/status");
    assertThat(result.out()).isEqualTo("65534\n/var\n1 2\n/bin\nCapEff:\t0000000000000000\n");
    assertThat(ok("exec", "-u", "7:8", "plain", "id", "-g").out()).isEqualTo("8\n");
  }

  @Test
  void execStatuses() {
    run("exec", "plain", "sh", "-c", "exit 42").expect(42);
    run("exec", "plain", "sh", "-c", "kill -9 $$").expect(137);
    run("exec", "plain", "sh", "-c", "kill -TERM $$").expect(143);
    isError(run("exec", "plain", "frobnicate"), 127, "frobnicate");
    isError(run("exec", "plain", "/etc/passwd"), 126, "/etc/passwd");
    isError(run("exec", "-u", "nosuch", "plain", "true"), 125, "nosuch");
    ok("exec", "-d", "plain", "sh", "-c", "sleep 1; echo late > /tmp/late");
    Wait.until(
        Casemate.TIMEOUT_SECONDS,
        "what a detached exec writes",
        () -> run("exec", "plain", "cat", "/tmp/late").out().equals("late\n"));
  }
}
