package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What everyday programs rely on and other runtimes give them; most in one VM. */
class EverydayTest extends EndToEnd {
  private static Path host = Path.of("");
  private static String tools = "";

  @BeforeAll
  static void start() throws IOException {
    host = files("everyday");
    tools = Probe.volume(host);
    Files.createDirectories(host.resolve("v"));
    Files.createDirectories(host.resolve("over/c"));
    write(host.resolve("file"), "deep");
    Shell.run(
        "cd "
            + host
            + "/v && mkdir g closed && chown 0:4321 g && chmod 2770 g && chmod 700 closed");
    detached(
        "everyday",
        "-v",
        host + "/file:/w/c/file",
        "-v",
        host + "/over:/w",
        "-v",
        host + "/v:/v",
        "-v",
        tools,
        "--group-add",
        "4444",
        IMAGE,
        "sleep",
        "1000000");
  }

  @AfterAll
  static void stop() {
    remove("everyday");
  }

  private static String inside(String script) {
    Result result = script("everyday", script);
    return result.err() + result.out();
  }

  @Test
  void mountsAreMadeByDepthWhateverTheOrder() {
    assertThat(inside("cat /w/c/file")).isEqualTo("deep");
  }

  @Test
  void limitsThatNobodySetsAreAnEngines() {
    assertThat(inside("ulimit -Sn; ulimit -Hn; ulimit -Hu"))
        .isEqualTo("1024\n1048576\nunlimited\n");
  }

  @Test
  void aGroupIsAdded() {
    assertThat(inside("grep Groups /proc/1/status")).contains("4444");
  }

  @Test
  void supplementaryGroupsMayCreateOnAVolume() {
    assertThat(inside("/tools/probe group /v/g"))
        .isEqualTo("create ok\nmkdir ok\nsymlink ok\nmkfifo ok\nforbidden EACCES\n");
    // In a directory with the set-group-id bit they are the group's, as the guest's kernel says.
    assertThat(Shell.run("stat -c '%u:%g %a' " + host + "/v/g/file").out())
        .isEqualTo("1001:4321 640\n");
  }

  @Test
  void extendedAttributesPassAVolume() {
    assertThat(inside("/tools/probe attributes /v/labelled"))
        .isEqualTo(
            """
            user ok
            trusted EPERM
            label EOPNOTSUPP
            mapped EPERM
            capability ok
            list EOPNOTSUPP
            color blue
            """);
    String there = Shell.run("getfattr -d -m - --absolute-names " + host + "/v/labelled").out();
    assertThat(there)
        .contains("user.color=\"blue\"", "security.capability=")
        .doesNotContain("trusted", "security.selinux=");
  }

  @Test
  void theClockIsTheHosts() {
    assertThat(Double.parseDouble(inside("/tools/probe skew /v/skew 8").strip())).isLessThan(10);
  }

  @Test
  void theClockIsTheHostsAfterAPause() {
    ok("pause", "everyday");
    Wait.millis(3_000);
    ok("unpause", "everyday");
    assertThat(Double.parseDouble(inside("/tools/probe skew /v/skew 8").strip())).isLessThan(10);
  }

  /** As when the host has slept, or has had no time for the VMM. */
  @Test
  void theClockIsTheHostsAfterTheMachineStoodStill() {
    int vmm = vmm("everyday");
    Shell.run("kill -STOP " + vmm);
    Wait.millis(3_000);
    Shell.run("kill -CONT " + vmm);
    assertThat(Double.parseDouble(inside("/tools/probe skew /v/skew 8").strip())).isLessThan(10);
  }

  @Test
  void anyUserMayBindAnyPort() {
    Result bound = run("exec", "-u", "1001", "everyday", "/tools/probe", "bind", "80");
    assertThat(bound.out()).isEqualTo("bind ok\n");
  }

  /** Whoever waits for a signal (sigwait, signalfd) has no handler: every init does. */
  @Test
  void anInitThatWaitsForSignalsGetsThem() {
    Running running =
        call("run", "--name", "waits", "-v", tools, IMAGE, "/tools/probe", "init").start();
    running.awaitOutput("ready", Casemate.TIMEOUT_SECONDS);
    for (int i = 0; i < 5; i++) {
      ok("kill", "-s", "HUP", "waits");
    }
    running.awaitOutput("hup", Casemate.TIMEOUT_SECONDS);
    ok("stop", "waits");
    Result ended = running.await(Casemate.TIMEOUT_SECONDS).expect(3);
    assertThat(ended.out()).startsWith("ready\nhup\n").endsWith("bye\n").doesNotContain("other");
    remove("waits");
  }

  @Test
  void aSignalWithoutAHandlerDoesNothingToTheFirstProcess() {
    detached("spared", IMAGE, "sleep", "1000000");
    ok("kill", "-s", "HUP", "spared");
    ok("kill", "-s", "TERM", "spared");
    Wait.millis(500);
    assertThat(ok("ps", "-q").out()).isNotEmpty();
    assertThat(state("spared").string("status")).isEqualTo("running");
    ok("kill", "-s", Integer.toString(Signals.KILL), "spared");
    remove("spared");
  }
}
