package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Hooks: config.md "POSIX-platform Hooks" and their places in runtime.md "Lifecycle". */
class HooksTest extends SpecTest {
  private static final List<String> OUTSIDE =
      List.of("prestart", "createRuntime", "createContainer", "poststart", "poststop");

  private static Json.Obj shell(String script) {
    return new Json.Obj()
        .put("path", "/bin/sh")
        .putStrings("args", List.of("sh", "-c", script))
        .putStrings("env", List.of("PATH=/usr/bin:/bin", "MARK=x"));
  }

  private static String log() {
    return box.files() + "/must/log";
  }

  /** A hook that notes its name, namespaces and state. */
  private static Json.Obj noting(String name) {
    return shell(
        "state=$(cat); for ns in mnt pid net; do set -- \"$@\" $(readlink /proc/self/ns/$ns); done;"
            + " echo "
            + name
            + " \"$@\" \"$state\" >> "
            + (name.startsWith("startContainer") ? "/log" : log()));
  }

  private static Bundle noting(Bundle bundle) {
    Json.Obj hooks = new Json.Obj();
    for (String phase : OUTSIDE) {
      hooks.putObjects(phase, List.of(noting(phase + "1"), noting(phase + "2")));
    }
    hooks.putObjects(
        "startContainer", List.of(noting("startContainer1"), noting("startContainer2")));
    return bundle.with(
        b -> {
          b.config().put("hooks", hooks);
          b.config().object("root").orElseThrow().put("readonly", false);
        });
  }

  private static Json.Obj hooks(Bundle bundle) {
    return bundle.config().object("hooks").orElseThrow();
  }

  private static List<String> lines() {
    return box.ok("cat must/log 2> /dev/null || true").out().lines().toList();
  }

  private static List<String> names() {
    return lines().stream().map(line -> line.substring(0, line.indexOf(' '))).toList();
  }

  @BeforeEach
  void forget() {
    box.ok("mkdir -p must; rm -f must/log must/rootfs/log");
  }

  @Test
  void hooksMustBeInvokedInTheListedOrderAtTheirPlacesInTheLifecycle() {
    noting(bundle("sh", "-c", "echo user >> /log; sleep 1000"));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    assertThat(names())
        .containsExactly(
            "prestart1",
            "prestart2",
            "createRuntime1",
            "createRuntime2",
            "createContainer1",
            "createContainer2");
    assertThat(box.ok("ls must/rootfs").out()).as("not yet").doesNotContain("log");
    ok("start " + ID);
    assertThat(names()).endsWith("poststart1", "poststart2");
    box.ok("until grep -q user must/rootfs/log; do sleep 0.05; done");
    assertThat(box.ok("cut -d' ' -f1 must/rootfs/log").out())
        .isEqualTo("startContainer1\nstartContainer2\nuser\n");
    ok("kill " + ID + " KILL");
    await(ID, "stopped");
    assertThat(names()).doesNotContain("poststop1");
    ok("delete " + ID);
    assertThat(names()).endsWith("poststop1", "poststop2");
  }

  @Test
  void hooksMustBeExecutedInTheirNamespaceAndGetTheState() {
    noting(bundle("sleep", "1000"));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    long pid = state(ID).integer("pid", 0);
    String own = box.ok("readlink /proc/self/ns/mnt /proc/self/ns/net").out();
    String theirs = box.ok("readlink /proc/" + pid + "/ns/mnt /proc/" + pid + "/ns/net").out();
    ok("start " + ID);
    ok("kill " + ID + " KILL");
    await(ID, "stopped");
    ok("delete " + ID);
    List<String> all = new java.util.ArrayList<>(lines());
    all.addAll(box.ok("cat must/rootfs/log").out().lines().toList());
    assertThat(all).hasSize(12);
    for (String line : all) {
      String[] words = line.split(" ", 5);
      boolean inside =
          words[0].startsWith("createContainer") || words[0].startsWith("startContainer");
      assertThat(inside ? theirs : own).as(line).contains(words[1]).contains(words[3]);
      Json.Obj state = Json.parseObject(words[4]);
      assertThat(state.string("id")).isEqualTo(ID);
      assertThat(state.string("bundle")).isEqualTo(box.files() + "/must");
      String status =
          words[0].startsWith("poststart")
              ? "running"
              : words[0].startsWith("poststop")
                  ? "stopped"
                  : words[0].startsWith("startContainer") ? "created" : "creating";
      assertThat(state.string("status")).as(line).isEqualTo(status);
      if (!inside && !words[0].startsWith("poststop")) {
        assertThat(state.integer("pid", 0)).isEqualTo(pid);
      }
    }
  }

  @Test
  void aFailingHookOfTheCreationMustStopTheContainerAndGenerateAnError() {
    for (String phase : new String[] {"prestart", "createRuntime", "createContainer"}) {
      forget();
      noting(bundle("true"))
          .with(b -> hooks(b).putObjects(phase, List.of(shell("echo oops >&2; exit 3"))));
      fails(1, "create -b must " + ID, "error running " + phase + " hook #", "exit code 3", "oops");
      fails(1, "state " + ID, "does not exist");
      assertThat(names()).as(phase).doesNotContain(phase + "1").endsWith("poststop1", "poststop2");
    }
  }

  @Test
  void aFailingStartContainerHookMustStopTheContainerAndGenerateAnError() {
    noting(bundle("sh", "-c", "echo user >> /log"))
        .with(b -> hooks(b).putObjects("startContainer", List.of(shell("exit 4"))));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    fails(1, "start " + ID, "error running startContainer hook #0: ", "exit code 4");
    await(ID, "stopped");
    assertThat(box.ok("ls must/rootfs").out()).as("not executed").doesNotContain("log");
    ok("delete " + ID);
  }

  @Test
  void aFailingPoststartHookMustStopTheContainerAndGenerateAnError() {
    noting(bundle("sleep", "1000"))
        .with(b -> hooks(b).putObjects("poststart", List.of(shell("exit 5"))));
    ok("create -b must " + ID + " > /dev/null 2>&1");
    fails(1, "start " + ID, "error running poststart hook #0: ", "exit code 5");
    fails(1, "state " + ID, "does not exist");
  }

  @Test
  void aFailingPoststopHookMustBeLoggedAndTheOthersGoOn() {
    noting(bundle("true"))
        .with(b -> hooks(b).putObjects("poststop", List.of(shell("exit 6"), noting("last"))));
    Result result = ok("run -b must " + ID);
    assertThat(names()).endsWith("last");
    assertThat(result.err()).contains("error running poststop hook #0: ", "exit code 6");
  }

  @Test
  void aHookThatTakesTooLongIsKilled() {
    noting(bundle("true"))
        .with(
            b ->
                hooks(b)
                    .putObjects(
                        "createRuntime", List.of(shell("exec sleep 1000").put("timeout", 1))));
    fails(1, "create -b must " + ID, "timed out after 1 s");
  }

  @Test
  void theTimeoutMustBeGreaterThanZeroAndThePathAbsolute() {
    refused(
        b -> b.config().put("hooks", json("{'prestart':[{'path':'/bin/true','timeout':0}]}")),
        "timeout 0",
        "greater than zero");
    refused(b -> b.config().put("hooks", json("{'poststop':[{'path':'true'}]}")), "absolute");
  }

  /** A hook without an environment of its own. */
  private static Json.Obj bare(String script) {
    Json.Obj hook = shell(script);
    hook.fields().remove("env");
    return hook;
  }

  @Test
  void aHookWithoutAnEnvironmentHasTheRuntimes() {
    bundle("true");
    for (String phase : OUTSIDE) {
      forget();
      bundle("true")
          .with(
              b ->
                  b.config()
                      .put(
                          "hooks",
                          new Json.Obj().putObjects(phase, List.of(bare("env > " + log())))));
      box.ok("MINE=yes $CELL --root " + ROOT + " run -b must " + ID + " < /dev/null");
      assertThat(lines()).as(phase).contains("MINE=yes").anyMatch(l -> l.startsWith("PATH=/"));
    }
    box.ok("env -i \"$CELL\" --root " + ROOT + " run -b must " + ID + " < /dev/null");
    assertThat(lines()).as("without any").anyMatch(line -> line.startsWith("PATH=/"));
  }

  @Test
  void aStartContainerHookWithoutAnEnvironmentHasThatOfTheProcess() {
    bundle("true")
        .with(
            b -> {
              b.process().putStrings("env", List.of("ONE=two", "PATH=/bin"));
              b.config()
                  .put(
                      "hooks",
                      new Json.Obj()
                          .putObjects(
                              "startContainer", List.of(bare("env > /log"), shell("env > /log2"))));
              b.config().object("root").orElseThrow().put("readonly", false);
            });
    box.ok("OURS=x $CELL --root " + ROOT + " run -b must " + ID + " < /dev/null");
    assertThat(box.ok("cat must/rootfs/log").out())
        .contains("ONE=two\n", "PATH=/bin\n", "HOME=")
        .doesNotContain("OURS=");
    assertThat(box.ok("cat must/rootfs/log2").out()).contains("MARK=x").doesNotContain("ONE=");
  }

  @Test
  void hooksStartInTheBundleAndThoseOfCreateContainerInTheRoot() {
    Json.Obj hooks = new Json.Obj();
    for (String phase : OUTSIDE) {
      hooks.putObjects(phase, List.of(shell("echo " + phase + " $(pwd) >> " + log())));
    }
    hooks.putObjects(
        "createContainer",
        List.of(shell("mkdir -p ./lib && touch ./lib/made; echo create $(pwd) >> " + log())));
    hooks.putObjects("startContainer", List.of(shell("pwd > /log")));
    bundle("true")
        .with(
            b -> {
              b.config().put("hooks", hooks);
              b.config().object("root").orElseThrow().put("readonly", false);
              b.process().put("cwd", "/tmp");
            });
    ok("run -b must " + ID);
    String must = box.files() + "/must";
    assertThat(lines())
        .containsExactly(
            "prestart " + must,
            "createRuntime " + must,
            "create " + must + "/rootfs",
            "poststart " + must,
            "poststop " + must);
    assertThat(box.ok("cat must/rootfs/log; ls must/rootfs/lib").out()).isEqualTo("/tmp\nmade\n");
  }

  @Test
  void aStartContainerHookRunsWithinTheFilterAndTheRightsOfTheProcess() {
    for (boolean noNewPrivileges : new boolean[] {true, false}) {
      for (int uid : new int[] {0, 1000}) {
        String filter =
            "{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64'],'syscalls':"
                + "[{'names':['mkdir','mkdirat'],'action':'SCMP_ACT_KILL'}]}";
        bundle("true")
            .with(
                b -> {
                  b.linux().put("seccomp", json(filter));
                  b.process()
                      .put("noNewPrivileges", noNewPrivileges)
                      .put("rlimits", array("[{'type':'RLIMIT_CORE','soft':0,'hard':0}]"))
                      .put("user", new Json.Obj().put("uid", uid).put("gid", uid));
                  b.config()
                      .put(
                          "hooks",
                          new Json.Obj()
                              .putObjects(
                                  "startContainer",
                                  List.of(
                                      shell(
                                          "id -u; grep -E 'CapEff|Seccomp:|NoNew'"
                                              + " /proc/self/status; exec mkdir /dev/shm/x"))));
                });
        Result result = cell("run -b must " + ID);
        assertThat(result.exit()).as(result.toString()).isNotZero();
        assertThat(result.err())
            .contains("error running startContainer hook #0: /bin/sh ended with signal 31")
            .contains("bad system call", "Seccomp: 2", "NoNewPrivs: " + (noNewPrivileges ? 1 : 0))
            .contains(uid == 0 ? "CapEff: 0000000020000420" : "CapEff: 0000000000000000");
      }
    }
  }

  @Test
  void aHookGetsItsArgumentsAndOnlyItsEnvironment() {
    noting(bundle("true"))
        .with(
            b ->
                hooks(b)
                    .putObjects(
                        "createRuntime", List.of(shell("exec env > " + log()), noting("next"))));
    ok("run -b must " + ID);
    assertThat(lines()).contains("MARK=x", "PATH=/usr/bin:/bin");
    assertThat(lines()).noneMatch(line -> line.startsWith("CELL=") || line.startsWith("HOME="));
  }
}
