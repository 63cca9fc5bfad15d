package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Known ways out of runc's containers, by their numbers; none of them leads out of the cell's. */
class EscapeTest extends SpecTest {
  private static final int ROUNDS = 6;

  private static void writableRoot(Bundle bundle) {
    bundle.config().object("root").orElseThrow().put("readonly", false);
  }

  private static void withoutDev(Bundle bundle) {
    List<dev.casemate.base.Json> mounts = new java.util.ArrayList<>();
    for (dev.casemate.base.Json.Obj mount : bundle.config().objects("mounts")) {
      String destination = mount.string("destination");
      if (!destination.equals("/dev") && !destination.startsWith("/dev/")) {
        mounts.add(mount);
      }
    }
    bundle.config().put("mounts", new dev.casemate.base.Json.Arr(mounts));
  }

  private static String digest() {
    return box.ok("sha256sum < $CELL").out();
  }

  /**
   * CVE-2019-5736: the container gets the runtime to execute its own file inside, and holds it open
   * to overwrite it later. An attacker in the container looks at all processes all the time.
   */
  @Test
  void cve20195736TheRuntimesFileIsNeverExecutedInTheContainer() {
    String before = digest();
    bundle(
            "sh",
            "-c",
            "ln -s /proc/self/exe /link; printf '#!/proc/self/exe\\n' > /script;"
                + " chmod 755 /script; echo ready > /ready; while :; do for p in /proc/[0-9]*/exe;"
                + " do t=$(readlink $p 2> /dev/null) && case $t in */busybox) ;; *)"
                + " echo $t >> /seen; exec 9< $p;; esac; done; done")
        .with(EscapeTest::writableRoot);
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    box.ok("until [ -e must/rootfs/ready ]; do sleep 0.05; done");
    for (int i = 0; i < ROUNDS; i++) {
      for (String command : new String[] {"/link", "/script", "/proc/self/exe", "true"}) {
        cell("exec " + ID + " " + command);
      }
    }
    String seen = box.ok("cat must/rootfs/seen 2> /dev/null || true").out();
    assertThat(seen).doesNotContain("casemate").doesNotContain(Box.executablePath());
    // What it may have seen is the program in memory, which is gone with its process.
    assertThat(seen.lines().filter(line -> !line.startsWith("/memfd:exec"))).isEmpty();
    ok("delete --force " + ID);
    assertThat(digest()).isEqualTo(before);
  }

  @Test
  void cve20195736AnEntryPointThatLeadsToTheRuntimeDoesNothing() {
    String before = digest();
    bundle("/link").with(EscapeTest::writableRoot);
    box.ok("ln -sf /proc/self/exe must/rootfs/link");
    Result result = cell("run -b must " + ID);
    assertThat(result.exit()).isEqualTo(127);
    assertThat(result.out()).as("no help text, no version").isEmpty();
    assertThat(digest()).isEqualTo(before);
  }

  @Test
  void aRootThatIsMovedLeavesNoUnmaskedProcToMountAgain() {
    for (String fs : new String[] {"proc", "sysfs"}) {
      bundle(
              "unshare",
              "-mrpfn",
              "sh",
              "-c",
              "mount -t "
                  + fs
                  + " none /"
                  + (fs.equals("proc") ? "proc" : "sys")
                  + " && echo EXPOSED")
          .with(
              b -> {
                Json.Obj capabilities = b.process().object("capabilities").orElseThrow();
                for (String set : new String[] {"bounding", "permitted"}) {
                  List<String> names = new java.util.ArrayList<>(capabilities.strings(set));
                  names.add("CAP_SETFCAP");
                  capabilities.putStrings(set, names);
                }
              });
      for (String option : new String[] {"", "--no-pivot "}) {
        Result result = cell("run " + option + "-b must " + ID);
        assertThat(result.exit()).as(fs + " " + option + result).isEqualTo(1);
        assertThat(result.out() + result.err())
            .contains("mount: permission denied")
            .doesNotContain("EXPOSED");
      }
    }
    assertThat(box.ok("ls /proc/sys /sys/fs").out()).as("the outside's stay").isNotEmpty();
  }

  @Test
  void cve20195736AHookInTheContainerThatLeadsToTheRuntimeDoesNothing() {
    bundle("true")
        .with(b -> b.config().put("hooks", json("{'startContainer':[{'path':'/script'}]}")));
    box.ok("printf '#!/proc/self/exe\\n' > must/rootfs/script; chmod 755 must/rootfs/script");
    ok("create -b must " + ID + " > /dev/null 2>&1");
    fails(
        1, "start " + ID, "error running startContainer hook #0: /script ended with exit code 127");
    await(ID, "stopped");
    ok("delete " + ID);
  }

  /**
   * CVE-2024-21626, CVE-2016-9962: directories that the runtime has open are not the container's.
   */
  @Test
  void cve202421626NoDescriptorOfTheRuntimeLeadsOut() {
    for (int fd = 3; fd < 20; fd++) {
      String cwd = "/proc/self/fd/" + fd;
      bundle("sh", "-c", "ls ../../../..").with(b -> b.process().put("cwd", cwd));
      Result result = cell("run -b must " + ID);
      assertThat(result.exit()).as(result.toString()).isNotZero();
      assertThat(result.out()).isEmpty();
    }
    bundle("sleep", "1000");
    ok("run -d -b must " + ID + " > /dev/null 2>&1");
    for (int fd = 3; fd < 20; fd++) {
      Result result = cell("exec --cwd /proc/self/fd/" + fd + " " + ID + " ls");
      assertThat(result.exit()).as(result.toString()).isNotZero();
      assertThat(result.out()).isEmpty();
    }
    ok("delete --force " + ID);
  }

  @Test
  void descriptorsOfTheCallerAreNotTheContainersUnlessPreserved() {
    bundle("sh", "-c", "ls /proc/self/fd | tr '\\n' ' '; cat <&3");
    String out =
        box.run(
                "exec 3< /etc/hostname 4< / 9< /etc/passwd; $CELL --root "
                    + ROOT
                    + " run -b must "
                    + ID
                    + " < /dev/null")
            .out();
    // 3 is the directory that ls reads.
    assertThat(out).isEqualTo("0 1 2 3 ");
    String preserved =
        box.ok(
                "exec 3< /etc/hostname 4< /; $CELL --root "
                    + ROOT
                    + " run --preserve-fds 1 -b must "
                    + ID
                    + " < /dev/null")
            .out();
    assertThat(preserved).isEqualTo("0 1 2 3 4 " + box.ok("cat /etc/hostname").out());
  }

  /** CVE-2021-30465: a destination is exchanged for a link to the outside while it is mounted. */
  @Test
  void cve202130465ADestinationThatIsExchangedMeanwhileStaysInside() {
    box.ok(
        "rm -rf outside race && mkdir -p outside must/rootfs/vol race/dir && ln -s "
            + box.files()
            + "/outside race/link");
    Running racer =
        box.start(
            "cd race; while :; do mv -T dir a; mv -T a b; mv -T link a; mv -T a link;"
                + " mv -T b dir; done");
    try {
      for (int i = 0; i < ROUNDS; i++) {
        bundle("true")
            .with(
                b -> {
                  writableRoot(b);
                  addMount(
                      b,
                      "{'destination':'/vol','source':'"
                          + box.files()
                          + "/race','options':['rbind']}");
                  addMount(b, "{'destination':'/vol/a/x','type':'tmpfs','source':'t'}");
                });
        cell("run -b must " + ID);
        assertThat(box.ok("ls outside").out()).isEmpty();
      }
    } finally {
      racer.signal(Signals.KILL);
      racer.await(30);
    }
  }

  @Test
  void linksInTheImageLeadToPlacesInTheImage() {
    bundle("true");
    box.ok(
        "rm -rf outside; mkdir outside; ln -s "
            + box.files()
            + "/outside must/rootfs/escape;"
            + " ln -s ../../../../../../../../"
            + box.files()
            + "/outside must/rootfs/up");
    String out =
        out(
            b -> {
              addMount(b, "{'destination':'/escape/a','type':'tmpfs','source':'t'}");
              addMount(b, "{'destination':'/up/b','type':'tmpfs','source':'t'}");
              b.process().put("cwd", "/escape/a");
            },
            "grep -c '^t ' /proc/mounts");
    assertThat(out).isEqualTo("2\n");
    assertThat(box.ok("ls outside").out()).isEmpty();
  }

  /** CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: /proc that is none, or elsewhere. */
  @Test
  void cve202327561ProcAndSysMayNotBeLinks() {
    for (String name : new String[] {"proc", "sys"}) {
      bundle("true");
      box.ok(
          "rm -rf must/rootfs/"
              + name
              + "; mkdir must/rootfs/fake; ln -s fake must/rootfs/"
              + name);
      fails(1, "create -b must " + ID, "/" + name, "symbolic link");
      box.ok("rm must/rootfs/" + name + "; rmdir must/rootfs/fake");
    }
  }

  @Test
  void cve201919921NothingIsMountedOnOrInProc() {
    for (String destination :
        new String[] {"/proc", "/proc/self/attr", "/proc/sys/kernel", "/proc/../proc/1"}) {
      refused(
          b -> addMount(b, "{'destination':'" + destination + "','type':'tmpfs','source':'t'}"),
          "/proc");
    }
    refused(b -> addMount(b, "{'destination':'/proc','type':'sysfs','source':'sysfs'}"), "/proc");
    bundle("true");
    box.ok("ln -sfn proc must/rootfs/other");
    refused(b -> addMount(b, "{'destination':'/other/self','type':'tmpfs','source':'t'}"), "/proc");
    box.ok("rm must/rootfs/other; echo few > must/meminfo");
    assertThat(
            out(
                b ->
                    addMount(
                        b,
                        "{'destination':'/proc/meminfo','source':'"
                            + box.files()
                            + "/must/meminfo','options':['bind']}"),
                "cat /proc/meminfo"))
        .as("as lxcfs has it")
        .isEqualTo("few\n");
  }

  /** CVE-2025-31133: a /dev/null that is something else would be what masked paths show. */
  @Test
  void cve202531133WhatMasksIsTheRealNullDevice() {
    bundle("true");
    box.ok(
        "mkdir -p must/rootfs/dev; ln -sf /secret must/rootfs/dev/null; echo 1 >"
            + " must/rootfs/secret; echo 2 > must/rootfs/hidden");
    refused(
        b -> {
          withoutDev(b);
          b.linux().putStrings("maskedPaths", List.of("/hidden"));
        },
        "/dev/null");
    String out =
        out(b -> b.linux().putStrings("maskedPaths", List.of("/hidden")), "stat -c %t:%T /hidden");
    assertThat(out).isEqualTo("1:3\n");
    box.ok("rm -rf must/rootfs/dev must/rootfs/secret must/rootfs/hidden");
  }

  /** CVE-2025-52565: the terminal is bound onto what /dev/console is, which may be a link. */
  @Test
  void cve202552565TheConsoleIsBoundInsideOfTheContainer() {
    bundle("sh", "-c", "cat /proc/mounts | grep -c devpts; stat -c %F /dev/console")
        .with(b -> b.process().put("terminal", true));
    box.ok("rm -rf outside; mkdir outside; echo keep > outside/console");
    String out =
        box.ok(
                "script -qec '$CELL --root "
                    + ROOT
                    + " run -b must "
                    + ID
                    + "' /dev/null < /dev/null | tr -d '\\r'")
            .out();
    assertThat(out).endsWith("2\ncharacter special file\n");
    bundle("true")
        .with(
            b -> {
              withoutDev(b);
              addMount(b, "{'destination':'/dev/pts','type':'devpts','source':'devpts'}");
              b.process().put("terminal", true);
            });
    box.ok(
        "mkdir -p must/rootfs/dev; ln -sfn "
            + box.files()
            + "/outside/console"
            + " must/rootfs/dev/console");
    box.run("script -qec '$CELL --root " + ROOT + " run -b must " + ID + "' /dev/null < /dev/null");
    assertThat(box.ok("cat outside/console; grep -c outside/console /proc/mounts || true").out())
        .isEqualTo("keep\n0\n");
    cell("delete --force " + ID);
    box.ok("rm -rf must/rootfs/dev");
  }

  /**
   * A root file system that is exchanged while the container is made is the one that was opened.
   */
  @Test
  void aRootThatIsSwappedDuringSetUpDoesNotMatter() {
    String swap = "cd " + box.files() + "/must && mv rootfs rootfs.real && ln -s / rootfs";
    Bundle bundle =
        bundle("sh", "-c", "cat /marker")
            .with(
                b ->
                    b.config()
                        .put(
                            "hooks",
                            json(
                                "{'createRuntime':[{'path':'/bin/sh','args':['sh','-c','"
                                    + swap
                                    + "'],'env':['PATH=/bin:/usr/bin']}]}")));
    box.ok("echo inside > must/rootfs/marker");
    try {
      assertThat(bundle.directory()).isNotNull();
      assertThat(ok("run -b must " + ID).out()).isEqualTo("inside\n");
    } finally {
      box.ok("cd must && rm rootfs && mv rootfs.real rootfs && rm rootfs/marker");
    }
  }
}
