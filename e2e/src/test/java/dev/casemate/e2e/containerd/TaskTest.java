package dev.casemate.e2e.containerd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.e2e.GuestRoot;
import dev.casemate.e2e.engine.Places;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.Wait;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A task's life by {@code ctr}. */
final class TaskTest extends EveryLineCases {
  @Test
  void runWritesToBothStreamsAndHandsOnItsStatus() {
    String id = fresh("run");
    Result result =
        engine().run("--rm", IMAGE, id, "sh", "-c", "echo to-out; echo to-err >&2; exit 7").run();
    result.expect(7);
    assertThat(result.out()).as(result.toString()).isEqualTo("to-out\n");
    assertThat(result.err()).as(result.toString()).contains("to-err\n");
    assertThat(status(id)).isEmpty();
  }

  @Test
  void theConfigurationOfTheImageAndTheCommandLineArrive() {
    String id = fresh("config");
    Result result =
        engine()
            .run(
                "--rm",
                "--env",
                "GIVEN=a b",
                "--cwd",
                "/srv",
                "--read-only",
                IMAGE,
                id,
                "sh",
                "-c",
                "echo $GIVEN-$FROM_IMAGE; pwd; touch /new 2>&1; cat /proc/1/comm; :")
            .run();
    result.expect(0);
    List<String> lines = result.out().lines().toList();
    assertThat(lines.subList(0, 2)).as(result.toString()).containsExactly("a b-yes", "/srv");
    assertThat(lines.get(2)).contains("touch: /new:");
    assertThat(lines.get(3)).isEqualTo("sh");
  }

  @Test
  void aProgramThatIsNotThereIsAnError() {
    String id = fresh("missing");
    Result result = engine().run("--rm", IMAGE, id, "/bin/no-such-program").run();
    assertThat(result.exit()).as(result.toString()).isNotZero();
    assertThat(result.err()).contains("no-such-program");
    removeContainers();
  }

  @Test
  void lifeOfADetachedTask() throws Exception {
    String id = detached("life", "sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done");
    assertThat(status(id)).isEqualTo("RUNNING");
    Result exec =
        engine()
            .exec(id, "sh", "-c", "echo from-exec; cat; echo error >&2; exit 3")
            .input("typed")
            .run();
    exec.expect(3);
    assertThat(exec.out()).isEqualTo("from-exec\ntyped");
    assertThat(exec.err()).contains("error\n");
    List<String> processes = ctr("task", "ps", id).ok().out().lines().toList();
    assertThat(processes.getFirst()).startsWith("PID");
    assertThat(processes.size()).isGreaterThan(1);
    aKernelOfItsOwn(id);
    if (VM) {
      theVmIsJailedAndCounted();
    }
    anIdentifierThatIsTakenIsRefused(id);
    pauseAndResume(id);
    killOfAnExecLeavesTheContainerAlone(id);
    metricsTellWhatIsUsed(id);
    ctr("task", "kill", "-s", "SIGTERM", id).ok();
    awaitStatus(id, "STOPPED");
    assertThat(delete(id)).isEqualTo(9);
    ctr("container", "delete", id).ok();
  }

  /** {@code docs/security.md}: the shim's VM is in the same jail as that of casemate run. */
  private void theVmIsJailedAndCounted() throws Exception {
    int vmm = engine().pidsOf("qemu-system").getFirst();
    String status = Files.readString(Path.of("/proc/" + vmm + "/status"));
    assertThat(status).containsPattern("Uid:\t19[0-9]{8}\t").contains("NoNewPrivs:\t1");
    assertThat(status).contains("CapBnd:\t0000000000000000").contains("Groups:\t \n");
    for (String program : List.of("qemu-system", "virtiofsd", "containerd-shim-casemate-v2")) {
      for (int pid : engine().pidsOf(program)) {
        assertThat(Files.readString(Path.of("/proc/" + pid + "/cgroup")))
            .as(program)
            .containsPattern("(memory|0:):/[^/\n]+/casemate-[0-9a-f]+\n");
      }
    }
  }

  private void aKernelOfItsOwn(String id) {
    String host = Shell.run("cat /proc/version").out();
    assertThat(script(id, "cat /proc/version").expect(0).out().equals(host)).isEqualTo(!VM);
  }

  private void anIdentifierThatIsTakenIsRefused(String id) {
    Result again = engine().run("-d", IMAGE, id, "sleep", "1000").run();
    assertThat(again.exit()).isNotZero();
    assertThat(again.err()).contains("already exists");
    assertThat(script(id, "echo fine").expect(0).out()).isEqualTo("fine\n");
  }

  private void pauseAndResume(String id) {
    // Never seen empty.
    String count =
        "i=0; while :; do i=$((i+1)); echo $i > /next; mv /next /count; sleep 0.05; done";
    try (Running counter = engine().exec(id, "sh", "-c", count).start()) {
      Wait.until(
          SECONDS, "the first count", () -> script(id, "cat /count").out().matches("[0-9]+\n"));
      ctr("task", "pause", id).ok();
      assertThat(status(id)).isEqualTo("PAUSED");
      Wait.millis(500);
      ctr("task", "resume", id).ok();
      assertThat(status(id)).isEqualTo("RUNNING");
      assertThat(counter.isAlive()).isTrue();
      int resumed = Integer.parseInt(script(id, "cat /count").expect(0).out().strip());
      Wait.until(
          SECONDS,
          "the count to go on",
          () -> Integer.parseInt(script(id, "cat /count").expect(0).out().strip()) > resumed);
      script(id, "kill -KILL $(ps -o pid,args | grep '[/]count' | awk '{ print $1 }')");
      assertThat(counter.await(SECONDS).exit()).isEqualTo(137);
    }
  }

  private void killOfAnExecLeavesTheContainerAlone(String id) {
    try (Running exec =
        ctr("task", "exec", "--exec-id", "victim", id, "sh", "-c", "echo up; exec sleep 1000")
            .start()) {
      exec.awaitOutput("up\n", SECONDS);
      ctr("task", "kill", "-s", "SIGKILL", "--exec-id", "victim", id).ok();
      assertThat(exec.await(SECONDS).exit()).isEqualTo(137);
    }
    assertThat(status(id)).isEqualTo("RUNNING");
  }

  private void metricsTellWhatIsUsed(String id) {
    String hold = "head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000";
    try (Running holder =
        ctr("task", "exec", "--exec-id", "holder", id, "sh", "-c", hold).start()) {
      Wait.until(
          SECONDS,
          () -> "20 MB in " + ctr("task", "metrics", "--format", "json", id).run(),
          () -> memory(id) > 15_000_000);
      assertThat(metrics(id).object("cpu")).isPresent();
      ctr("task", "kill", "-s", "SIGKILL", "--exec-id", "holder", id).ok();
      assertThat(holder.await(SECONDS).exit()).isEqualTo(137);
    }
  }

  private Json.Obj metrics(String id) {
    return Json.parseObject(ctr("task", "metrics", "--format", "json", id).ok().out());
  }

  /** Of cgroup v1 or v2, whichever the runtime tells. */
  private long memory(String id) {
    Json.Obj memory = metrics(id).object("memory").orElseThrow();
    return memory.find("usage").orElseThrow() instanceof Json.Obj usage
        ? usage.integer("usage", 0)
        : memory.integer("usage", 0);
  }

  @Test
  void eventsComeInOrder() {
    try (Running events = ctr("events").start()) {
      Wait.millis(300);
      String id = detached("events", "sleep", "1000");
      assertThat(engine().exec(List.of("--user", "1234"), id, "id", "-u").text()).isEqualTo("1234");
      ctr("task", "pause", id).ok();
      ctr("task", "resume", id).ok();
      ctr("task", "kill", "-s", "SIGKILL", id).ok();
      awaitStatus(id, "STOPPED");
      assertThat(delete(id)).isEqualTo(137);
      ctr("container", "delete", id).ok();
      events.awaitOutput("/containers/delete", SECONDS);
      if (VM) {
        // containerd's own shim may end before it has told of this.
        events.awaitOutput("/tasks/delete", SECONDS);
      }
      List<String> topics = new ArrayList<>();
      for (String line : events.soFar().out().lines().toList()) {
        for (String word : line.split(" ")) {
          if (word.startsWith("/tasks/") && line.contains(id)) {
            topics.add(word);
          }
        }
      }
      topics.remove("/tasks/delete");
      assertThat(topics)
          .containsExactly(
              "/tasks/create",
              "/tasks/start",
              "/tasks/exec-added",
              "/tasks/exec-started",
              "/tasks/exit",
              "/tasks/paused",
              "/tasks/resumed",
              "/tasks/exit");
    }
  }

  @Test
  void mountsFromTheHost() throws Exception {
    Path directory = Places.fresh(fresh("shared"));
    Files.writeString(directory.resolve("from-host"), "host\n");
    Path file = directory.resolveSibling(directory.getFileName() + ".conf");
    Files.writeString(file, "one file\n");
    Result result =
        engine()
            .run(
                "--rm",
                "--mount",
                "type=bind,src=" + directory + ",dst=/shared,options=rbind:rw",
                "--mount",
                "type=bind,src=" + file + ",dst=/etc/one.conf,options=rbind:ro",
                "--mount",
                "type=tmpfs,src=tmpfs,dst=/scratch,options=size=1m:mode=1777",
                IMAGE,
                fresh("mounts"),
                "sh",
                "-c",
                "cat /shared/from-host /etc/one.conf; echo guest > /shared/from-guest; echo x 2>&1"
                    + " > /etc/one.conf; dd if=/dev/zero of=/scratch/f bs=1k count=2000 2>&1 | tail"
                    + " -n1")
            .run();
    result.expect(0);
    assertThat(result.out()).as(result.toString()).startsWith("host\none file\n");
    assertThat(result.out() + result.err()).contains("Read-only file system");
    assertThat(Files.readString(directory.resolve("from-guest"))).isEqualTo("guest\n");
    assertThat(Files.readString(file)).isEqualTo("one file\n");
    Files.delete(file);
  }

  @Test
  void guestRootGetsNowhereBeyondItsShares() {
    if (!VM) {
      return;
    }
    GuestRoot.Prey prey = GuestRoot.Prey.in(Places.fresh(fresh("wall")));
    String id =
        detached(
            "wall",
            List.of(
                "--cap-add",
                "CAP_SYS_ADMIN",
                "--mount",
                "type=bind,src=" + prey.volume() + ",dst=/volume,options=rbind:ro",
                "--mount",
                "type=bind,src=" + prey.file() + ",dst=/file,options=bind:ro"),
            "sleep",
            "1000");
    GuestRoot.assertRepelled(script(id, prey.attack()).expect(0).out(), 1, 1);
    assertThat(
            script(id, "mount -o remount,bind,rw /volume; touch /volume/new; echo x > /file").err())
        .contains("Read-only file system");
    prey.assertUnharmed();
    remove(id);
  }

  @Test
  void containersAreIndependentOfEachOther() {
    String first = detached("first", "sleep", "1000");
    String second = detached("second", "sleep", "1000");
    script(first, "echo mine > /file").expect(0);
    assertThat(script(second, "cat /file").exit()).isEqualTo(1);
    ctr("task", "pause", first).ok();
    assertThat(script(second, "echo alive").expect(0).out()).isEqualTo("alive\n");
    ctr("task", "resume", first).ok();
    remove(first);
    assertThat(script(second, "echo still").expect(0).out()).isEqualTo("still\n");
    remove(second);
  }

  @Test
  void aMemoryLimitIsKept() {
    Result result =
        engine()
            .run(
                "--rm",
                "--memory-limit",
                Long.toString(64L << 20),
                IMAGE,
                fresh("oom"),
                "sh",
                "-c",
                "head -c 200000000 /dev/zero | tail -c 200000000 | wc -c; echo status $?")
            .run();
    assertThat(result.out()).as(result.toString()).doesNotContain("200000000");
  }
}
