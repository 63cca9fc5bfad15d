package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Debian's containerd, whose own shim is told to use {@code casemate-cell} in place of runc. */
class ContainerdTest {
  private static final String STATE = "/run/containerd/runc/default";

  @SuppressWarnings("NullAway.Init")
  private static Box box;

  @SuppressWarnings("NullAway.Init")
  private static Running daemon;

  @BeforeAll
  static void start() {
    box = Box.open("containerd");
    Images.make(box);
    box.ok(
        "cat > config.toml <<END\nversion = 2\nroot = \"$FILES/data\"\nstate = \"/run/c\"\n"
            + "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
            + "[grpc]\n  address = \"/run/c.sock\"\nEND");
    daemon = box.start("exec containerd -c config.toml > daemon.log 2>&1");
    box.ok(
        "for i in $(seq 600); do ctr -a /run/c.sock version > /dev/null 2>&1 && exit 0; sleep 0.1;"
            + " done; tail -n 30 daemon.log >&2; exit 1");
    ctr("image import $FILES/busybox.tar").expect(0);
  }

  @AfterAll
  static void stop() {
    try {
      box.ok("pkill -TERM -x containerd");
      daemon.await(Box.TIMEOUT_SECONDS);
      box.assertClean(STATE);
    } finally {
      box.close();
    }
  }

  private static Result ctr(String arguments) {
    return box.run("exec ctr -a /run/c.sock " + arguments);
  }

  private static Result ok(String arguments) {
    return ctr(arguments).expect(0);
  }

  private static String run(String options) {
    return "run --runtime io.containerd.runc.v2 --runc-binary $CELL --cgroup "
        + box.cgroup()
        + "/ctr "
        + options;
  }

  @Test
  void runHasStreamsAndExitStatus() {
    assertThat(ok(run("--rm " + Images.NAME + " one echo hello")).out()).isEqualTo("hello\n");
    ctr(run("--rm " + Images.NAME + " one sh -c 'exit 7'")).expect(7);
    assertThat(ctr(run("--rm " + Images.NAME + " one nope")).err())
        .contains("executable file not found in $PATH");
  }

  @Test
  void tasksLive() {
    ok(run("-d " + Images.NAME + " two sleep 1000"));
    try {
      assertThat(ok("task ls").out()).contains("two", "RUNNING");
      assertThat(box.ok("ls " + STATE).out()).isEqualTo("two\n");
      assertThat(ok("task exec --exec-id e1 two sh -c 'echo in; cat /proc/1/cmdline'").out())
          .contains("in", "sleep");
      ctr("task exec --exec-id e2 two sh -c 'exit 3'").expect(3);
      assertThat(ok("task ps two").out().lines().count()).isEqualTo(2);
      ok("task pause two");
      assertThat(ok("task ls").out()).contains("PAUSED");
      ok("task resume two");
      assertThat(ok("task metrics two").out()).contains("memory");
      ok("task kill -s KILL two");
      Wait.until(60, "the task to stop", () -> ok("task ls").out().contains("STOPPED"));
    } finally {
      ctr("task rm -f two");
      ok("container rm two");
    }
  }

  @Test
  void terminals() {
    // containerd's client may end without the last output of a container that has just ended.
    assertThat(
            box.run(
                    "script -qefc \"exec ctr -a /run/c.sock "
                        + run("--rm -t " + Images.NAME + " three sh -c 'tty; sleep 0.5; exit 5'")
                        + "\" /dev/null")
                .expect(5)
                .out())
        .contains("/dev/pts/0");
  }

  @Test
  void aShimThatIsKilledLeavesNothing() {
    ok(run("-d " + Images.NAME + " four sleep 1000"));
    box.ok("pkill -KILL -f containerd-shim-runc-v2");
    Wait.until(60, "the task to be gone", () -> !ok("task ls").out().contains("RUNNING"));
    ctr("task rm -f four");
    ok("container rm four");
  }
}
