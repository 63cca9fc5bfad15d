package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Wait;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is wrong gets an error, runc's exit status and a line in the log, and leaves nothing. */
class BadInputTest extends CellTest {
  private static Bundle bundle() {
    return Bundle.make(box, "bad", "true");
  }

  @Test
  void idsThatNameNoDirectory() {
    bundle();
    for (String id : List.of("../a", "a/b", "..", ".", "''", "'a b'", "a:b", "ä")) {
      for (String command : List.of("create -b bad", "run -b bad", "state", "start", "kill")) {
        fails(1, command + " " + id, "invalid container ID format");
      }
      fails(255, "exec " + id + " true", "invalid container ID format");
    }
    fails(1, "create -b bad " + "x".repeat(300), "300 characters");
    ok("run -b bad " + "x".repeat(255));
  }

  @Test
  void wrongTypes() {
    Bundle bundle = bundle();
    bundle.with(b -> b.process().put("args", "true"));
    fails(1, "create -b bad a", "bad/config.json", "\"process.args\" is a string", "an array");
    bundle.with(b -> b.process().put("args", new Json.Arr(List.of(Json.Num.of(3)))));
    fails(1, "run -b bad a", "\"process.args\" is the number 3");
    bundle.with(
        b -> {
          b.process().putStrings("args", List.of("true"));
          b.linux().put("namespaces", new Json.Obj());
        });
    fails(1, "create -b bad a", "\"linux.namespaces\" is an object");
    for (String text : List.of("", "{", "[]", "null", "{\"a\":1}x", "{\"a\":01}", "\0")) {
      bundle.text(text);
      fails(1, "create -b bad a", "config.json");
    }
  }

  @Test
  void unknownFieldsAreIgnored() {
    bundle()
        .with(
            b -> {
              b.config().put("futureField", new Json.Obj().put("deep", 1));
              b.process().put("futureField", "x");
              b.linux().putStrings("futureField", List.of("x"));
            });
    ok("run -b bad a");
  }

  @Test
  void missingFiles() {
    Bundle bundle = bundle();
    fails(1, "create -b /nowhere a", "config.json not found", "/nowhere/config.json");
    bundle.with(b -> b.config().put("root", new Json.Obj().put("path", "nothing")));
    fails(1, "create -b bad a", "invalid rootfs", "bad/nothing");
    bundle.with(b -> b.config().put("root", new Json.Obj().put("path", "config.json")));
    fails(1, "create -b bad a", "invalid rootfs", "not a directory");
    box.ok("rm bad/config.json && mkfifo bad/config.json");
    fails(1, "create -b bad a", "not a regular file");
    box.ok("rm bad/config.json");
    fails(1, "create -b bad a", "config.json not found");
  }

  @Test
  void hugeAndDeepDocuments() {
    bundle();
    box.ok("truncate -s 100M bad/config.json");
    fails(1, "create -b bad a", "104857600 bytes", "16 MiB");
    box.ok(
        "{ printf '{\"ociVersion\":\"1.0.0\",\"a\":'; head -c 1000000 /dev/zero | tr '\\0' '['; }"
            + " > bad/config.json");
    fails(1, "create -b bad a", "nested deeper than 128");
    box.ok(
        "{ printf '{\"ociVersion\":\"1.0.0\",\"hostname\":\"'; head -c 15000000 /dev/zero"
            + " | tr '\\0' 'x'; printf '\"}'; } > bad/config.json");
    fails(1, "create -b bad a", "hostname");
  }

  @Test
  void commandsThatCannotBeExecuted() {
    Bundle bundle = bundle();
    bundle.with(b -> b.process().putStrings("args", List.of("/nope")));
    fails(1, "run -b bad a", "\"/nope\"", "no such file or directory");
    bundle.with(b -> b.process().putStrings("args", List.of("nope")));
    fails(1, "run -b bad a", "\"nope\": executable file not found in $PATH");
    bundle.with(b -> b.process().putStrings("args", List.of("/bin")));
    fails(1, "run -b bad a", "\"/bin\"", "permission denied");
    box.ok("printf '#!/nope\\n' > bad/rootfs/script; chmod +x bad/rootfs/script");
    bundle.with(b -> b.process().putStrings("args", List.of("/script")));
    fails(1, "run -b bad a", "exec /script: no such file or directory");
    bundle.with(b -> b.process().putStrings("args", List.of()));
    fails(1, "create -b bad a", "process.args is empty");
    bundle.with(b -> b.process().putStrings("args", List.of("true")).put("cwd", "relative"));
    fails(1, "create -b bad a", "process.cwd \"relative\"");
  }

  @Test
  void seccompRulesThatMakeNoSense() {
    Bundle bundle = bundle();
    bundle.with(b -> b.linux().put("seccomp", new Json.Obj().put("defaultAction", "SCMP_ACT_NO")));
    fails(1, "create -b bad a", "SCMP_ACT_NO");
    Json.Obj argument = new Json.Obj().put("index", 9).put("value", 1).put("op", "SCMP_CMP_EQ");
    Json.Obj rule =
        new Json.Obj()
            .putStrings("names", List.of("kill"))
            .put("action", "SCMP_ACT_ERRNO")
            .putObjects("args", List.of(argument));
    bundle.with(
        b ->
            b.linux()
                .put(
                    "seccomp",
                    new Json.Obj()
                        .put("defaultAction", "SCMP_ACT_ALLOW")
                        .putObjects("syscalls", List.of(rule))));
    fails(1, "create -b bad a", "9");
  }

  @Test
  void namespacesThatDoNotExist() {
    bundle()
        .with(
            b ->
                b.linux()
                    .putObjects(
                        "namespaces",
                        List.of(
                            new Json.Obj().put("type", "mount"),
                            new Json.Obj().put("type", "network").put("path", "/run/none"))));
    fails(1, "create -b bad a", "/run/none");
    bundle()
        .with(b -> b.linux().putObjects("namespaces", List.of(new Json.Obj().put("type", "x"))));
    fails(1, "create -b bad a", "\"x\"");
  }

  @Test
  void hooksThatFailTakeTheContainerBack() {
    for (String hook : List.of("prestart", "createRuntime", "createContainer")) {
      bundle()
          .with(
              b ->
                  b.config()
                      .put(
                          "hooks",
                          new Json.Obj()
                              .putObjects(
                                  hook,
                                  List.of(
                                      new Json.Obj()
                                          .put("path", "/bin/sh")
                                          .putStrings(
                                              "args", List.of("sh", "-c", "echo why; exit 3"))))));
      fails(1, "create -b bad a", "hook", hook, "exit code 3", "why");
      assertThat(box.ok("ls -A " + ROOT).out()).isEmpty();
    }
  }

  @Test
  void rootsThatCannotBeWrittenTo() {
    bundle();
    fails(1, "--root /proc/none create -b bad a", "/proc/none");
    box.ok("mkdir -p /run/ro && mount -t tmpfs -o ro none /run/ro");
    fails(1, "--root /run/ro create -b bad a", "/run/ro", "read-only file system");
    box.ok("umount /run/ro");
    box.ok("touch file");
    fails(1, "--root $FILES/file create -b bad a", "/file");
  }

  @Test
  void fullDisks() {
    Bundle bundle = bundle();
    bundle.with(
        b -> b.config().put("annotations", new Json.Obj().put("filler", "x".repeat(200_000))));
    box.ok("mkdir -p /run/full && mount -t tmpfs -o size=64k none /run/full");
    for (String command : List.of("create", "run", "run -d")) {
      fails(1, "--root /run/full " + command + " -b bad a", "no space left on device");
      assertThat(box.ok("ls -A /run/full").out()).isEmpty();
    }
    assertThat(box.ok("find /sys/fs/cgroup -type d -path '*" + box.cgroup() + "/bad*'").out())
        .isEmpty();
    box.ok("umount /run/full");
  }

  @Test
  void pidFilesThatCannotBeWritten() {
    bundle();
    for (String command : List.of("create", "run", "run -d")) {
      fails(1, command + " -b bad --pid-file /none/pid a", "writing the pid file", "/none/");
    }
    Wait.until(30, "the end of its processes", () -> box.run("pgrep -x true").exit() == 1);
  }

  @Test
  void terminalsThatNobodyTakes() {
    Bundle bundle = bundle();
    bundle.with(b -> b.process().put("terminal", true));
    fails(1, "create -b bad a", "cannot allocate tty");
    fails(1, "run -d -b bad a", "cannot allocate tty");
    fails(1, "create -b bad --console-socket /run/none.sock a", "/run/none.sock");
    bundle.with(b -> b.process().put("terminal", false));
    fails(1, "create -b bad --console-socket /run/none.sock a", "cannot use console socket");
    fails(1, "run -b bad --console-socket /run/none.sock a", "cannot use console socket");
  }

  @Test
  void descriptorsThatAreNotOpen() {
    bundle();
    fails(1, "create -b bad --preserve-fds 2 a", "descriptor 3 is not open");
    assertThat(cell("run -b bad --preserve-fds x a").expect(1).err()).contains("--preserve-fds");
  }

  @Test
  void systemdIsRefused() {
    bundle();
    fails(1, "--systemd-cgroup create -b bad a", "systemd", "leave out --systemd-cgroup");
    ok("--systemd-cgroup list -q");
    bundle().with(b -> b.linux().put("cgroupsPath", "system.slice:docker:abc"));
    fails(1, "create -b bad a", "system.slice:docker:abc");
  }

  @Test
  void usage() {
    assertThat(cell("create").expect(1).out()).contains("Usage: casemate-cell create");
    assertThat(cell("create a b c").expect(1).err()).contains("exactly 1 argument(s)");
    assertThat(cell("create --bogus a").expect(1).err()).contains("unknown option --bogus");
    assertThat(cell("exec a").expect(1).err()).contains("a minimum of 2");
    assertThat(cell("nonsense").expect(3).err()).contains("nonsense");
    assertThat(cell("--log-format xml list").expect(1).err()).contains("xml");
    assertThat(ok("--help").out()).contains("Commands:", "create", "--log-format");
    for (String command :
        List.of(
            "create",
            "start",
            "run",
            "exec",
            "state",
            "list",
            "ps",
            "kill",
            "delete",
            "pause",
            "resume",
            "update",
            "events",
            "spec",
            "features")) {
      assertThat(ok(command + " --help").out()).startsWith("Usage: casemate-cell " + command);
    }
    assertThat(ok("--version").out()).startsWith("casemate-cell version ").contains("spec: 1.3.0");
  }

  @Test
  void specsAreNotOverwritten() {
    box.ok("mkdir -p spec && rm -f spec/config.json");
    ok("spec --bundle spec");
    fails(1, "spec --bundle spec", "config.json exists");
    Json.Obj config = Json.parseObject(box.ok("cat spec/config.json").out());
    assertThat(config.string("ociVersion")).isEqualTo("1.3.0");
    box.ok("rm spec/config.json");
    ok("spec --rootless -b spec");
    assertThat(box.ok("cat spec/config.json").out()).contains("uidMappings");
  }

  @Test
  void featuresAreTold() {
    Json.Obj features = Json.parseObject(ok("features").out());
    assertThat(features.string("ociVersionMax")).isEqualTo("1.3.0");
    assertThat(features.strings("mountOptions")).contains("rro", "tmpcopyup", "idmap");
    Json.Obj linux = features.object("linux").orElseThrow();
    assertThat(linux.strings("namespaces")).contains("time", "user", "cgroup");
    assertThat(linux.object("seccomp").orElseThrow().strings("actions"))
        .contains("SCMP_ACT_NOTIFY");
  }

  @Test
  void twoThatCreateTheSame() {
    Bundle.make(box, "race", "sleep", "1000");
    String both =
        "for i in 1 2 3 4 5 6; do $CELL --root "
            + ROOT
            + " create -b race same > /dev/null 2>&1 < /dev/null & done; wait";
    box.ok(both);
    assertThat(ok("list -q").out()).isEqualTo("same\n");
    assertThat(ok("ps -f json same").out().strip())
        .isEqualTo("[" + state("same").integer("pid", 0) + "]");
    ok("delete -f same");
  }

  @Test
  void aCreateThatIsKilledLeavesNothingThatCannotBeDeleted() {
    Bundle.make(box, "killed", "sleep", "1000")
        .with(
            b ->
                b.config()
                    .put(
                        "hooks",
                        new Json.Obj()
                            .putObjects(
                                "createRuntime",
                                List.of(
                                    new Json.Obj()
                                        .put("path", "/bin/sleep")
                                        .putStrings("args", List.of("sleep", "5"))))));
    box.run("timeout -s KILL 1 $CELL --root " + ROOT + " create -b killed a > /dev/null 2>&1");
    Wait.until(
        30,
        "the first process to end",
        () -> box.ok("pgrep -c casemate-cell || true").out().strip().equals("0"));
    ok("delete --force a");
    box.ok("pkill sleep -f '^sleep 5' || true");
  }
}
