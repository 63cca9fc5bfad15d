package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code casemate run} in the foreground: what the container is told, and what its end says. */
class RunTest extends EndToEnd {
  private static Result asked = new Result(List.of(), 0, new byte[0], new byte[0], 0);

  /** One container with many options, and what it says of each. */
  @BeforeAll
  static void ask() {
    Path file = write(files("run").resolve("env"), "# a remark\nFROM_FILE=1 2\n\nTWICE=file\n");
    List<String> words = new ArrayList<>(List.of("run", "--rm", "--hostname", "box"));
    for (String variable : List.of("GIVEN=a b=c", "INHERITED", "ABSENT", "TWICE=option")) {
      words.addAll(List.of("-e", variable));
    }
    words.addAll(List.of("--env-file", file.toString(), "-w", "/var/tmp", "-u", "nobody"));
    words.addAll(List.of("--entrypoint", "/bin/sh", IMAGE, "-c"));
    words.add(
        """
        echo kernel=$(uname -sr)
        echo host=$(hostname); echo dir=$(pwd); echo id=$(id -u):$(id -g)
        echo given=$GIVEN; echo inherited=$INHERITED; echo absent=${ABSENT-unset}
        echo fromfile=$FROM_FILE; echo twice=$TWICE; echo path=$PATH
        echo hostvar=$HOSTNAME; echo pid=$$; echo args=$0/$1/$2
        echo hosts=$(grep -c box /etc/hosts); echo name=$(cat /etc/hostname)
        echo localhost=$(grep -c localhost /etc/hosts);
        echo links=$(ls /sys/class/net | tr '\\n' ' ')
        """);
    words.addAll(List.of("zero", "one", "--rm"));
    asked = call(words.toArray(new String[0])).environment("INHERITED", "ours").run().expect(0);
  }

  @Test
  void theKernelIsTheGuestsOwn() {
    String host = Shell.run("uname -r").out().strip();
    assertThat(asked.value("kernel=")).startsWith("Linux ").isNotEqualTo("Linux " + host);
  }

  @Test
  void theContainerIsAlone() {
    assertThat(asked.value("pid=")).isEqualTo("1");
    assertThat(asked.value("links=")).isEqualTo("lo");
  }

  @Test
  void theHostnameIsKnownEverywhere() {
    assertThat(asked.value("host=")).isEqualTo("box");
    assertThat(asked.value("hostvar=")).isEqualTo("box");
    assertThat(asked.value("name=")).isEqualTo("box");
    assertThat(asked.value("hosts=")).isEqualTo("1");
    assertThat(asked.value("localhost=")).isNotEqualTo("0");
  }

  @Test
  void userAndDirectoryArrive() {
    assertThat(asked.value("dir=")).isEqualTo("/var/tmp");
    assertThat(asked.value("id=")).isEqualTo("65534:65534");
  }

  @Test
  void theEnvironmentArrives() {
    assertThat(asked.value("given=")).isEqualTo("a b=c");
    assertThat(asked.value("inherited=")).isEqualTo("ours");
    assertThat(asked.value("absent=")).isEqualTo("unset");
    assertThat(asked.value("fromfile=")).isEqualTo("1 2");
    assertThat(asked.value("twice=")).isEqualTo("option");
    assertThat(asked.value("path=")).contains("/bin");
  }

  @Test
  void theArgumentsArrive() {
    assertThat(asked.value("args=")).isEqualTo("zero/one/--rm");
  }

  @Test
  void theImagesOwnCommandAndStandardInput() {
    Result result = call("run", "-i", "--rm", IMAGE).input("echo hello; exit 5\n").run().expect(5);
    assertThat(result.out()).isEqualTo("hello\n");
    assertThat(errors(result)).isEmpty();
  }

  /** Where it works, {@code scripts/kvm-cases.sh} has the cases. */
  @Test
  void vsockIsRefusedOnAMachineThatLacksIt() {
    if (!Files.exists(Path.of("/dev/vhost-vsock"))) {
      fails(
          125,
          List.of("run", "--rm", "--name", "vsock", "--agent-channel", "vsock", IMAGE, "true"),
          "agent channel \"vsock\" was requested",
          "/dev/vhost-vsock cannot be opened",
          "modprobe vhost_vsock",
          "agent channel \"serial\"");
      assertThat(ok("ps", "-a").out()).doesNotContain("vsock");
    }
    assertThat(ok("doctor").out()).contains("vsock: ", "the agent's channel");
  }

  @Test
  void userByNumberAndADirectoryThatIsNotThere() {
    Result result =
        ok(
            "run",
            "--rm",
            "-u",
            "1234:5678",
            "-w",
            "/new/dir",
            IMAGE,
            "sh",
            "-c",
            "id -u; id -g; pwd");
    assertThat(result.out()).isEqualTo("1234\n5678\n/new/dir\n");
  }

  @Test
  void theStatusOfTheWorkloadAndItsRecord() {
    run("run", "--name", "status", IMAGE, "sh", "-c", "exit 3").expect(3);
    assertThat(ok("ps").out()).doesNotContain("status");
    assertThat(ok("ps", "-a").out()).contains("status", "Exited (3)");
    assertThat(state("status").string("status")).isEqualTo("exited");
    assertThat(state("status").integer("exitCode", -1)).isEqualTo(3);
    fails(125, List.of("exec", "status", "true"), "container status is exited, not running");
    fails(1, List.of("top", "status"), "not running");
    fails(1, List.of("kill", "status"), "not running");
    fails(1, List.of("pause", "status"), "not running");
    fails(1, List.of("cp", "status:/etc", "/nonexistent"), "not running");
    assertThat(ok("wait", "status").out()).isEqualTo("3\n");
    ok("stop", "status");
    fails(
        125,
        List.of("run", "--name", "status", IMAGE, "true"),
        "container name \"status\" is in use",
        "casemate rm -f status");
    assertThat(ok("rm", "status").out()).isEqualTo("status\n");
    assertThat(ok("ps", "-a").out()).hasLineCount(1);
  }

  @Test
  void aSignalEndsTheWorkload() {
    run("run", "--rm", IMAGE, "sh", "-c", "sh -c 'kill -9 $$'; exit $?").expect(137);
  }

  /** Nearly as much as the kernel gives a command line at all. */
  @Test
  void longArgumentsAndEnvironment() {
    List<String> words = new ArrayList<>(List.of("run", "--rm"));
    for (int i = 0; i < 7; i++) {
      words.addAll(List.of("-e", "V" + i + "=" + "v".repeat(100_000)));
    }
    words.addAll(List.of(IMAGE, "sh", "-c", "echo $# ${#V6}", "sh"));
    for (int i = 0; i < 10; i++) {
      words.add("ä".repeat(50_000));
    }
    assertThat(ok(words.toArray(new String[0])).out()).isEqualTo("10 100000\n");
  }

  @Test
  void hostnames() {
    assertThat(ok("run", "--rm", "--hostname", "h.example", IMAGE, "hostname").out())
        .isEqualTo("h.example\n");
    for (String wrong : List.of("", "two words", "a/b", "h".repeat(65), "line\nbreak")) {
      fails(125, List.of("run", "--rm", "--hostname", wrong, IMAGE, "true"), "--hostname", "64");
    }
  }

  @Test
  void theNameIsFreeWhenAWaitReturns() {
    for (int i = 0; i < 2; i++) {
      ok("run", "-d", "--rm", "--name", "again", IMAGE, "sh", "-c", "sleep 0.1; exit " + i);
      assertThat(run("wait", "again").out()).isIn(i + "\n", "");
    }
  }

  @Test
  void usersAsTheContainersFilesKnowThem() {
    Path root = files("users");
    Shell.run(
        "cd "
            + root
            + " && mkdir bin etc && cp /bin/busybox bin/sh"
            + " && for a in id tr sort uniq sleep; do ln -s sh bin/$a; done");
    write(root.resolve("etc/passwd"), "app:x:1000:1000::/home/app:/bin/sh\n");
    write(root.resolve("etc/group"), "app:x:1000:\naudio:x:29:app\nvideo:x:44:other,app\nx:x:7:\n");
    Map<String, String> cases =
        Map.of(
            "app", "uid=1000 gid=1000 29,44,1000 /home/app",
            "1000", "uid=1000 gid=1000 29,44,1000 /home/app",
            "app:audio", "uid=1000 gid=29 29 /home/app",
            "1000:44", "uid=1000 gid=44 44 /home/app",
            "1001", "uid=1001 gid=0 0 /");
    String script =
        "echo uid=$(id -u) gid=$(id -g)"
            + " $(echo $(id -G | tr ' ' '\\n' | sort -n | uniq) | tr ' ' ,) $HOME";
    // By name and unknown with a container of its own, all with a process more.
    for (String user : List.of("app", "1001")) {
      Result result = ok("run", "--rm", "-u", user, "rootfs:" + root, "/bin/sh", "-c", script);
      assertThat(result.out()).as(user).isEqualTo(cases.get(user) + "\n");
    }
    detached("users", "rootfs:" + root, "/bin/sh", "-c", "sleep 1000000");
    for (Map.Entry<String, String> one : cases.entrySet()) {
      Result result = ok("exec", "-u", one.getKey(), "users", "/bin/sh", "-c", script);
      assertThat(result.out()).as(one.getKey()).isEqualTo(one.getValue() + "\n");
    }
    remove("users");
  }

  @Test
  void commandThatIsNotThere() {
    Result result = fails(127, List.of("run", "--rm", IMAGE, "frobnicate", "x"), "frobnicate");
    assertThat(result.err()).doesNotContain("Exception");
    fails(127, List.of("run", "--rm", IMAGE, "/bin/frobnicate"), "/bin/frobnicate");
  }

  @Test
  void commandThatIsNotExecutable() {
    fails(126, List.of("run", "--rm", IMAGE, "/etc/passwd"), "/etc/passwd");
    fails(126, List.of("run", "--rm", IMAGE, "/etc"), "/etc");
  }

  @Test
  void commandsThatCannotStartWithoutRm() {
    fails(127, List.of("run", "--name", "lost", IMAGE, "frobnicate"), "frobnicate");
    fails(127, List.of("run", "-d", "--name", "lost", IMAGE, "frobnicate"), "frobnicate");
    assertThat(ok("ps", "-a").out()).hasLineCount(1);
  }

  @Test
  void userThatIsUnknown() {
    fails(125, List.of("run", "--rm", "-u", "nosuch", IMAGE, "true"), "nosuch");
    fails(125, List.of("run", "--rm", "-u", "root:nogrp", IMAGE, "true"), "nogrp");
  }

  @Test
  void timings() {
    Result result = ok("run", "--rm", "--timings", IMAGE, "echo", "done");
    assertThat(result.out()).isEqualTo("done\n");
    assertThat(result.err())
        .contains("process start", "VMM start", "kernel", "agent", "container", "first byte");
    for (String line :
        result.err().lines().filter(l -> l.matches("[a-zA-Z ]+ +-?[0-9]+")).toList()) {
      long millis = Long.parseLong(line.replaceAll(".* ", ""));
      assertThat(millis).as(line).isBetween(0L, 60_000L);
    }
  }

  @Test
  void emulationIsToldOnce() throws IOException {
    boolean emulated = ok("doctor").out().contains("WARNING KVM");
    Files.delete(Casemate.EMULATION_NOTICED);
    Result first = ok("run", "--rm", IMAGE, "true");
    Result second = ok("run", "--rm", IMAGE, "true");
    assertThat(first.err()).as(first.toString()).hasLineCount(emulated ? 1 : 0);
    assertThat(second.err()).as(second.toString()).isEmpty();
    if (emulated) {
      assertThat(first.err()).contains("emulation", "casemate doctor");
    } else {
      Files.createFile(Casemate.EMULATION_NOTICED);
    }
  }
}
