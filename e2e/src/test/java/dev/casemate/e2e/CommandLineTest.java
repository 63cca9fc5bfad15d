package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What needs no VM: help, mistakes on the command line, and what says something of the machine. */
class CommandLineTest extends EndToEnd {
  private static List<String> commands() {
    List<String> names = new ArrayList<>();
    boolean listed = false;
    for (String line : ok("--help").out().lines().toList()) {
      if (line.equals("Commands:")) {
        listed = true;
      } else if (listed && line.startsWith("  ")) {
        names.add(line.strip().split(" ")[0]);
      } else if (listed) {
        break;
      }
    }
    return names;
  }

  @Test
  void helpOfEveryCommand() {
    List<String> commands = commands();
    assertThat(commands)
        .contains("run", "exec", "ps", "logs", "stop", "kill", "wait", "rm", "inspect", "cp")
        .contains("stats", "top", "pull", "images", "rmi", "guest", "doctor", "version");
    for (String command : commands) {
      Result help = ok(command, "--help");
      assertThat(help.out()).as(help.toString()).startsWith("Usage: casemate " + command);
      assertThat(ok("help", command).out()).isEqualTo(help.out());
    }
  }

  @Test
  void withoutACommand() {
    Result result = run().expect(2);
    assertThat(result.out()).contains("Commands:");
    assertThat(ok("-h").out()).isEqualTo(result.out());
    assertThat(ok("help").out()).isEqualTo(result.out());
  }

  @Test
  void version() {
    assertThat(ok("version").out()).startsWith("casemate version ");
    assertThat(ok("--version").out()).isEqualTo(ok("version").out());
    assertThat(Json.parseObject(ok("version", "--format", "json").out()).string("version"))
        .isNotEmpty();
  }

  @Test
  void unknownCommandsAndOptions() {
    fails(2, List.of("frobnicate"), "unknown command \"frobnicate\"", "casemate --help");
    fails(125, List.of("run", "--nope", IMAGE), "unknown option --nope", "casemate run --help");
    fails(125, List.of("run", "-Z", IMAGE), "unknown option -Z");
    fails(125, List.of("exec", "--nope", "x", "y"), "unknown option --nope");
    fails(1, List.of("ps", "--nope"), "unknown option --nope", "casemate ps --help");
    fails(1, List.of("ps", "--format", "xml"), "--format", "xml", "table or json");
    fails(125, List.of("run", "--memory"), "--memory", "SIZE");
    fails(1, List.of("stop", "--time", "soon", "x"), "--time", "soon");
    fails(1, List.of("kill", "-s", "NOPE", "x"), "NOPE", "TERM");
    fails(1, List.of("guest", "frob"), "frob", "guest build");
  }

  @Test
  void missingOperands() {
    fails(125, List.of("run"), "missing IMAGE");
    fails(125, List.of("exec"), "missing CONTAINER");
    fails(125, List.of("exec", "x"), "missing COMMAND");
    for (String command :
        List.of("stop", "kill", "wait", "rm", "inspect", "logs", "top", "pause", "unpause")) {
      fails(1, List.of(command), "missing CONTAINER");
    }
    fails(1, List.of("pull"), "missing IMAGE");
    fails(1, List.of("rmi"), "missing IMAGE");
    fails(1, List.of("cp", "a"), "a source and a destination");
    fails(1, List.of("cp", "/a", "/b"), "exactly one", "CONTAINER:PATH");
  }

  @Test
  void unknownContainers() {
    for (String command :
        List.of("stop", "kill", "wait", "rm", "inspect", "logs", "top", "stats", "pause")) {
      fails(1, List.of(command, "nobody"), "no such container: nobody", "casemate ps -a");
    }
    fails(125, List.of("exec", "nobody", "true"), "no such container: nobody");
    fails(1, List.of("cp", "nobody:/x", "/tmp/x"), "no such container: nobody");
    fails(1, List.of("inspect", "../../etc"), "no such container");
    ok("rm", "-f", "nobody");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--memory=16m | 16m | at least",
        "--memory=lots | lots | 256m",
        "--memory=8000t | 8000t | at most",
        "--cpus=0 | --cpus | 0",
        "--cpus=many | --cpus | many",
        "--network=host | --network | host",
        "--network=blue | --network | none or bridge",
        "--volume=relative:/x | relative:/x | absolute",
        "--volume=/nonexistent:/x | /nonexistent | does not exist",
        "--volume=/etc:/x:sideways | sideways | ro or rw",
        "--tmpfs=relative | relative | absolute",
        "--ulimit=nofile | nofile | SOFT",
        "--sysctl=nothing | nothing | NAME=VALUE",
        "--cap-add=FLY | FLY | capability",
        "--cap-drop=FLY | FLY | capability",
        "--security-opt=open | open | seccomp=",
        "--security-opt=seccomp=/nonexistent | /nonexistent | seccomp",
        "--stop-signal=NOPE | --stop-signal | NOPE",
        "--stop-timeout=-1 | --stop-timeout | -1",
        "--workdir=relative | --workdir | absolute",
        "--env==x | =x | NAME",
        "--env-file=/nonexistent | /nonexistent | --env-file",
        "--scratch=1k | --scratch | 1k",
        "--scratch=much | --scratch | much",
        "--pids-limit=few | --pids-limit | few",
        "--pull=sometimes | --pull | sometimes",
        "--accel=warp | --accel | kvm",
        "--hypervisor=xen | xen | qemu",
        "--rootfs=floppy | floppy | erofs",
        "--boot-timeout=0 | --boot-timeout | 0",
        "--kernel=/nonexistent | /nonexistent | casemate guest build",
        "--initramfs=/nonexistent | /nonexistent | does not exist",
        "--guest=lost | lost | casemate guest build",
        "--name=a/b | a/b | letters",
        "--name=-a | -a | letters",
        "--rm=maybe | maybe | true or false",
      })
  void wrongValues(String option, String first, String second) {
    fails(125, List.of("run", option, IMAGE, "true"), first, second);
  }

  @Test
  void wrongPorts() {
    fails(125, List.of("run", "-p", "99999", IMAGE, "true"), "99999", "1..65535");
    fails(125, List.of("run", "-p", "http:80", IMAGE, "true"), "http");
    fails(125, List.of("run", "-p", "80", "--network", "none", IMAGE, "true"), "--publish");
    fails(125, List.of("run", "-p", "1.2.3:80:80", IMAGE, "true"), "1.2.3");
    fails(125, List.of("run", "--network", "bridge", "--dns", "nowhere", IMAGE, "true"), "nowhere");
  }

  @Test
  void terminalWithoutATerminal() {
    fails(125, List.of("run", "-it", IMAGE), "-t", "terminal");
  }

  @Test
  void imagesThatAreNotThere() {
    fails(125, List.of("run", "oci:/nonexistent", "true"), "/nonexistent");
    fails(125, List.of("run", "oci-archive:/nonexistent.tar", "true"), "/nonexistent.tar");
    fails(125, List.of("run", "docker-archive:/nonexistent.tar", "true"), "/nonexistent.tar");
    fails(125, List.of("run", "rootfs:/nonexistent", "true"), "/nonexistent");
    fails(125, List.of("run", "oci:/etc", "true"), "/etc");
    fails(125, List.of("run", IMAGE + ":nosuchtag", "true"), "nosuchtag");
    fails(125, List.of("run", "UPPER/CASE", "true"), "UPPER/CASE");
    fails(
        125,
        List.of("run", "--pull", "never", "localhost:5000/absent:1", "true"),
        "localhost:5000/absent:1",
        "casemate pull");
    fails(1, List.of("rmi", "localhost:5000/absent:1"), "localhost:5000/absent:1");
  }

  @Test
  void withoutAGuest() {
    String empty = files("empty-state").toString();
    Result result = call("run", IMAGE, "true").environment("CASEMATE_STATE", empty).run();
    isError(result, 125, "guest \"default\"", "casemate guest build");
    Result doctor = call("doctor").environment("CASEMATE_STATE", empty).run().expect(1);
    assertThat(doctor.out()).contains("FAILURE guest", "casemate guest build");
    assertThat(call("ps", "-a").environment("CASEMATE_STATE", empty).run().expect(0).out())
        .hasLineCount(1);
  }

  @Test
  void emptyLists() {
    assertThat(ok("ps").out()).startsWith("CONTAINER ID").hasLineCount(1);
    assertThat(ok("ps", "-a", "--format", "json").out().strip()).isEqualTo("[]");
    assertThat(ok("ps", "-q").out()).isEmpty();
    assertThat(ok("images").out()).startsWith("NAME");
    assertThat(ok("stats").out()).startsWith("CONTAINER ID").hasLineCount(1);
  }

  @Test
  void doctor() {
    Result result = ok("doctor");
    assertThat(result.out()).endsWith("This machine can run Casemate.\n");
    Json.Obj findings = new Json.Obj().put("all", Json.parse(ok("doctor", "--json").out()));
    List<String> ids = new ArrayList<>();
    for (Json.Obj finding : findings.objects("all")) {
      ids.add(finding.string("id"));
      assertThat(finding.string("level")).as(finding.text()).isIn("ok", "warning");
      assertThat(finding.string("title")).as(finding.text()).isNotEmpty();
      assertThat(finding.string("detail")).as(finding.text()).isNotEmpty();
      if (finding.string("level").equals("warning")) {
        assertThat(finding.string("meaning")).as(finding.text()).isNotEmpty();
        assertThat(finding.string("remedy")).as(finding.text()).isNotEmpty();
      }
    }
    assertThat(ids)
        .contains("kvm", "qemu", "virtiofsd", "vhost-net", "tun", "memory", "guest")
        .contains("mkfs.erofs", "mkfs.ext4", "leftovers");
  }

  /** Whoever is not root is told so, with all the rest. */
  @Test
  void doctorForAnotherUser() {
    // Where anybody may go and execute.
    String copy = Shell.run("d=$(mktemp -d /tmp/cme-XXXXXX); chmod 755 $d; echo $d").out().strip();
    try {
      Shell.run("install -m 755 " + Casemate.EXECUTABLE + " " + copy + "/casemate");
      Result result =
          Shell.result(
              "cd / && env CASEMATE_RUN=/nonexistent/run CASEMATE_STATE=/root/.nobodys"
                  + " setpriv --reuid 65534 --regid 65534 --clear-groups "
                  + copy
                  + "/casemate doctor");
      result.expect(1);
      assertThat(result.out()).contains("user:", "casemate doctor").doesNotContain("Exception");
    } finally {
      Shell.run("rm -r " + copy);
    }
  }

  @Test
  void guests() {
    Result result = ok("guest", "ls");
    assertThat(result.out()).startsWith("NAME").contains("default");
  }

  @Test
  void closedStandardOutputIsNoError() {
    Result result = Shell.result(Casemate.shellWords("--help") + " | true; exit ${PIPESTATUS[0]}");
    assertThat(result.exit()).as(result.toString()).isIn(0, 141);
    assertThat(result.err()).isEmpty();
  }
}
