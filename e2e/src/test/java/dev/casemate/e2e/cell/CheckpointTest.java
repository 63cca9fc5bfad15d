package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.e2e.engine.Places;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Poll;
import dev.casemate.linux.Tty;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Wait;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * {@code checkpoint} and {@code restore} with criu 4, which {@code scripts/engines.sh criu} has
 * unpacked: that of Debian 12 is too old for kernels of today.
 */
class CheckpointTest extends CellTest {
  private static final Path CRIU =
      Places.ENGINES.resolveSibling("criu").resolve("usr/sbin").toAbsolutePath();

  @BeforeAll
  static void criuIsThere() {
    assertThat(Files.isExecutable(CRIU.resolve("criu")))
        .as(CRIU + "/criu; run scripts/engines.sh criu")
        .isTrue();
  }

  /** Runs the program with criu in its path; standard input is empty, output is thrown away. */
  private static void criu(String arguments) {
    box.ok(criuCommand(arguments) + " < /dev/null > out 2>&1 || { cat out >&2; false; }");
  }

  private static String criuCommand(String arguments) {
    return "PATH=" + CRIU + ":$PATH $CELL --root " + ROOT + " " + arguments;
  }

  private static void criuFails(String arguments, String... fragments) {
    Result result = box.run("exec env " + criuCommand("--log-format json " + arguments)).expect(1);
    List<String> lines = result.err().lines().toList();
    assertThat(lines).as(result.toString()).hasSize(1);
    assertThat(Json.parseObject(lines.getFirst()).string("msg")).contains(fragments);
  }

  /** A container that counts in its memory, and writes to a directory of the outside. */
  private static Bundle counter() {
    box.ok("mkdir -p data && rm -rf data/* images* work");
    return Bundle.make(
            box,
            "counter",
            "sh",
            "-c",
            "i=0; echo kept > /dev/shm/file; while :; do i=$((i+1)); echo $i >> /data/all; echo $i"
                + " > /data/new; mv /data/new /data/number; sleep 0.05; done")
        .with(
            b -> {
              // criu needs a directory to put the old root on, which a read-only root must have.
              box.ok("mkdir -p counter/rootfs/tmp");
              List<Json.Obj> mounts = new java.util.ArrayList<>(b.config().objects("mounts"));
              mounts.add(
                  new Json.Obj()
                      .put("destination", "/data")
                      .put("type", "bind")
                      .put("source", box.files() + "/data")
                      .putStrings("options", List.of("rbind", "rw")));
              b.config().putObjects("mounts", mounts);
            });
  }

  private static int number() {
    return Integer.parseInt(box.ok("cat data/number").out().strip());
  }

  private static void awaitMoreThan(int number) {
    Wait.until(
        60,
        "the counter to pass " + number,
        () -> box.run("[ \"$(cat data/number)\" -gt " + number + " ]").exit() == 0);
  }

  private static void started() {
    counter();
    ok("run -d -b counter a > /dev/null 2>&1");
    box.ok("until [ -s data/number ]; do sleep 0.05; done");
    awaitMoreThan(5);
  }

  @Test
  void aCounterIsCheckpointedDeletedRestoredAndCountsOn() {
    started();
    criu("checkpoint --image-path images --work-path work a");
    assertThat(box.ok("ls work").out()).contains("dump.log");
    int last = number();
    // It is gone, and what is left of it is in the images.
    fails(1, "state a", "does not exist");
    criu("restore -d -b counter --image-path images --pid-file pid a");
    assertThat(state("a").integer("pid", 0)).isEqualTo(Long.parseLong(box.ok("cat pid").out()));
    assertThat(status("a")).isEqualTo("running");
    awaitMoreThan(last);
    // It has not begun anew: the number is in its memory, the file on its tmpfs.
    box.ok("sort -c -n -u data/all");
    assertThat(ok("exec a cat /dev/shm/file").out()).isEqualTo("kept\n");
    assertThat(box.ok("cat /proc/$(cat pid)/cgroup").out()).contains(box.cgroup() + "/counter");
    ok("pause a");
    assertThat(status("a")).isEqualTo("paused");
    ok("resume a");
    ok("kill a KILL");
    await("a", "stopped");
    ok("delete a");
  }

  @Test
  void leaveRunningLeavesItRunningAndTheImagesMakeAnother() {
    started();
    criu("checkpoint --leave-running --image-path images a");
    assertThat(status("a")).isEqualTo("running");
    awaitMoreThan(number() + 3);
    ok("delete -f a");
    Bundle bundle = counter();
    bundle.with(b -> b.linux().put("cgroupsPath", box.cgroup() + "/elsewhere"));
    // The images are gone with counter(); make them anew.
    ok("run -d -b counter a > /dev/null 2>&1");
    awaitMoreThan(5);
    criu("checkpoint --leave-running --image-path images a");
    ok("delete -f a");
    bundle.with(b -> b.linux().put("cgroupsPath", box.cgroup() + "/third"));
    criu("restore --detach --bundle counter --image-path images b");
    awaitMoreThan(5);
    assertThat(box.ok("cat /proc/" + state("b").integer("pid", 0) + "/cgroup").out())
        .contains(box.cgroup() + "/third")
        .doesNotContain("/elsewhere");
    ok("delete -f b");
  }

  @Test
  void restoreTakesThePlaceOfWhatACheckpointHasStoppedAndOfNothingElse() {
    started();
    criuFails("restore -d -b counter --image-path images a", "images holds no checkpoint");
    criu("checkpoint --image-path images a");
    criu("restore -d -b counter --image-path images a");
    criuFails("restore -d -b counter --image-path images a < /dev/null", "already exists");
    assertThat(status("a")).isEqualTo("running");
    ok("delete -f a");
  }

  private static void mount(Bundle bundle, String destination, String source) {
    SpecTest.addMount(
        bundle,
        "{'destination':'"
            + destination
            + "','source':'"
            + box.files()
            + "/"
            + source
            + "','options':['bind']}");
    bundle.write();
  }

  @Test
  void bindsOverLinksAndNestedOnesAreRestored() {
    box.ok("mkdir -p outer inner conf && echo linked > conf/file && echo nested > inner/file");
    Bundle bundle = counter();
    box.ok("mkdir -p counter/rootfs/real/conf && ln -sfn /real/conf counter/rootfs/link");
    mount(bundle, "/link", "conf");
    mount(bundle, "/n", "outer");
    mount(bundle, "/n/sub", "inner");
    ok("run -d -b counter a > /dev/null 2>&1");
    awaitMoreThan(5);
    criu("checkpoint --image-path images a");
    // The mount point is of the outside, and may be gone when the container comes back.
    box.ok("rmdir outer/sub");
    criu("restore -d -b counter --image-path images a");
    assertThat(ok("exec a cat /link/file /real/conf/file /n/sub/file").out())
        .isEqualTo("linked\nlinked\nnested\n");
    ok("delete -f a");
  }

  @Test
  void controlGroupsWithoutANamespaceOfTheirOwnAreRestored() {
    counter();
    ok("run -d -b counter a > /dev/null 2>&1");
    assertThat(ok("exec a ls /sys/fs/cgroup").out()).contains("memory");
    awaitMoreThan(5);
    criu("checkpoint --image-path images a");
    criu("restore -d -b counter --image-path images a");
    assertThat(ok("exec a cat /sys/fs/cgroup/memory/cgroup.procs").out()).isNotEmpty();
    ok("delete -f a");
  }

  @Test
  void whatAnExecHasStartedInARestoredContainerIsRestoredToo() {
    started();
    criu("checkpoint --image-path images a");
    criu("restore -d -b counter --image-path images a");
    ok("exec a sh -c 'sleep 1000 < /dev/null > /dev/null 2>&1 &'");
    box.ok("rm -rf images");
    criu("checkpoint --image-path images a");
    criu("restore -d -b counter --image-path images a");
    assertThat(ok("ps a").out()).contains("sleep 1000");
    ok("delete -f a");
  }

  @Test
  void theFileThatAnAnnotationNamesConfiguresCriuUnlessItRunsPrograms() {
    Bundle bundle = counter();
    String file = box.files() + "/criu.conf";
    bundle.with(b -> b.config().putMap("annotations", java.util.Map.of("org.criu.config", file)));
    ok("run -d -b counter a > /dev/null 2>&1");
    awaitMoreThan(5);
    String dump = "checkpoint --leave-running --image-path images a";
    criuFails(dump, "criu.conf", "no such file");
    box.ok("echo log-file named.log > criu.conf && chmod 666 criu.conf");
    criuFails(dump, "criu.conf", "others than root can write it");
    box.ok("chmod 644 criu.conf && echo action-script /bin/true >> criu.conf");
    criuFails(dump, "action-script", "run a program");
    box.ok("echo log-file named.log > criu.conf");
    criu(dump);
    assertThat(box.ok("ls images").out()).contains("named.log").doesNotContain("dump.log");
    ok("delete -f a");
  }

  @Test
  void aPreDumpIsDumpedOnTopOfWhereTheKernelTracksMemory() {
    started();
    Result first = box.run(criuCommand("checkpoint --pre-dump --image-path images/one a"));
    if (first.exit() != 0) {
      // CONFIG_MEM_SOFT_DIRTY is not set: that is said, and nothing has happened.
      assertThat(first.err()).contains("Tracking memory is not available");
      assertThat(box.ok("ls images/one").out()).isEqualTo("dump.log\n");
      awaitMoreThan(number() + 1);
      ok("delete -f a");
      return;
    }
    assertThat(status("a")).isEqualTo("running");
    criu("checkpoint --parent-path ../one --image-path images/two a");
    int last = number();
    criu("restore -d -b counter --image-path images/two a");
    awaitMoreThan(last);
    ok("delete -f a");
  }

  @Test
  void pipesAreReplacedAndTheExitStatusIsThatOfTheProcess() {
    Bundle.make(
            box,
            "piped",
            "sh",
            "-c",
            "trap 'echo bye; exit 7' TERM; while :; do echo tick; sleep 0.05; done")
        .with(b -> box.ok("mkdir -p piped/rootfs/tmp; rm -rf images*; mkfifo -m 600 in"));
    try (Running first =
        box.start("sleep 1000 | $CELL --root " + ROOT + " run -b piped a 2> /dev/null | cat")) {
      first.awaitOutput("tick\ntick", Box.TIMEOUT_SECONDS);
      box.ok(criuCommand("checkpoint --image-path images a"));
      box.ok("pkill -x -f 'sleep 1000'");
      first.await(Box.TIMEOUT_SECONDS);
    }
    fails(1, "state a", "does not exist");
    try (Running second =
        box.start(
            "sleep 1000 | "
                + criuCommand("restore -b piped --image-path images a")
                + " 2> /dev/null | cat; exit ${PIPESTATUS[1]}")) {
      second.awaitOutput("tick\ntick", 60);
      ok("kill a TERM");
      box.ok("while $CELL --root " + ROOT + " state a > /dev/null 2>&1; do sleep 0.05; done");
      box.ok("pkill -x -f 'sleep 1000'");
      assertThat(second.await(Box.TIMEOUT_SECONDS).expect(7).out()).endsWith("bye\n");
    }
    criuFails(
        "restore -b piped --image-path images a < /dev/null",
        "descriptor 0 of the process was a pipe when it was checkpointed");
  }

  private static Fd terminalOf(String command) {
    return master(() -> criu(command + " --console-socket $FILES/c.sock -d -b tty a"));
  }

  private static void awaitText(Fd master, String text) {
    StringBuilder out = new StringBuilder();
    byte[] chunk = new byte[4096];
    while (out.indexOf(text) < 0) {
      assertThat(Poll.await(master, Poll.IN, Box.TIMEOUT_SECONDS * 1000)).as(text).isNotZero();
      out.append(
          new String(
              chunk, 0, Math.max(0, master.read(chunk, 0, chunk.length)), StandardCharsets.UTF_8));
    }
  }

  private static void type(Fd master, String line) {
    master.writeAll((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aTerminalsOtherEndIsHandedOverAnew() {
    Bundle bundle =
        Bundle.make(
                box,
                "tty",
                "sh",
                "-c",
                "n=0; while read line; do n=$((n+1)); echo $n:$line; stty size; done")
            .with(b -> b.process().put("terminal", true))
            .with(b -> box.ok("mkdir -p tty/rootfs/tmp; rm -rf images*"));
    try (Fd first = terminalOf("run")) {
      Tty.resize(first, new Tty.Size(70, 22));
      type(first, "one");
      awaitText(first, "1:one\r\n22 70\r\n");
      criu("checkpoint --image-path images a");
    }
    try (Fd second = terminalOf("restore --image-path images")) {
      assertThat(Tty.isTerminal(second)).isTrue();
      type(second, "two");
      // Its memory and the size of its terminal are as they were, and it is its own.
      awaitText(second, "2:two\r\n22 70\r\n");
      assertThat(ok("exec a sh -c 'readlink /proc/1/fd/0; ls -l /dev/console'").out())
          .contains("/dev/pts/0", "/dev/console");
      ok("delete -f a");
    }
    // In the foreground it is the command's.
    try (Running third =
        box.start(
            "{ echo three; sleep 1000; } | "
                + criuCommand("restore -b tty --image-path images a")
                + " 2> /dev/null")) {
      third.awaitOutput("2:three", Box.TIMEOUT_SECONDS);
      ok("kill a KILL");
      box.ok("while $CELL --root " + ROOT + " state a > /dev/null 2>&1; do sleep 0.05; done");
      box.ok("pkill -x -f 'sleep 1000'");
    }
    bundle.with(b -> b.process().put("terminal", false));
    criuFails(
        "restore -d -b tty --image-path images a < /dev/null",
        "was checkpointed with a terminal; set process.terminal to true");
    fails(1, "state a", "does not exist");
    fails(1, "restore -b tty -d --console-socket none --image-path images a", "console socket");
  }

  @Test
  void whatCannotBeIsRefusedAndLeavesEverythingAsItWas() {
    started();
    Result missing =
        box.run("PATH=/none $CELL --root " + ROOT + " checkpoint --image-path images a").expect(1);
    assertThat(missing.err()).contains("criu is not in $PATH", "install it");
    assertThat(box.ok("ls -d images 2>&1 || true").out()).contains("No such file");
    criuFails("checkpoint --page-server 127.0.0.1:1 a", "--page-server is not supported");
    criuFails("checkpoint --lazy-pages a", "--lazy-pages is not supported");
    criuFails("checkpoint --image-path images --parent-path ../none a", "--parent-path ../none");
    criuFails("checkpoint none", "container does not exist");
    criuFails("restore -b counter --image-path none b", "none holds no checkpoint");
    assertThat(cell("checkpoint --manage-cgroups-mode odd a").expect(1).err())
        .contains("expected soft, full, strict or ignore");
    // What criu itself refuses: a working directory that it cannot write its log to.
    box.ok("touch file");
    criuFails("checkpoint --image-path images --work-path file/below a", "file");
    awaitMoreThan(number() + 1);
    criu("checkpoint --image-path images a");
    // Images that are not whole.
    box.ok("rm images/core-1.img");
    criuFails(
        "restore -d -b counter --image-path images a < /dev/null > /dev/null",
        "criu restore failed",
        "restore.log");
    fails(1, "state a", "does not exist");
    assertThat(box.ok("find /sys/fs/cgroup -path '*" + box.cgroup() + "/counter*'").out())
        .isEmpty();
    ok("create -b counter c > /dev/null 2>&1");
    criuFails("checkpoint --image-path images2 c", "cannot be checkpointed in created state");
    ok("delete -f c");
  }
}
