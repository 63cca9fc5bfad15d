package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The jail around real VMs, seen from the host. What is possible in it: {@code JailProbeTest}. */
class JailTest extends EndToEnd {
  private static final Path USERS = Path.of("/run/casemate/users");

  @BeforeAll
  static void start() throws IOException {
    Path directory = files("jail");
    Path shared = Files.createDirectories(directory.resolve("shared"));
    // As a careless caller: descriptors that are not close-on-exec.
    String secret = directory.resolve("secret").toString();
    write(Path.of(secret), "secret");
    Shell.run(
        "exec 9<"
            + secret
            + " 8>>"
            + secret
            + "; CASEMATE_RUN="
            + Casemate.RUN
            + " CASEMATE_STATE="
            + Casemate.STATE
            + " "
            + Casemate.EXECUTABLE
            + " run -d --name jailed --network bridge -v "
            + shared
            + ":/shared "
            + IMAGE
            + " sleep 1000000");
    detached("other", IMAGE, "sleep", "1000000");
  }

  @AfterAll
  static void stop() {
    remove("jailed", "other");
  }

  private static Map<String, String> status(int pid) {
    Map<String, String> fields = new TreeMap<>();
    for (String line : read(Path.of("/proc/" + pid + "/status")).split("\n")) {
      int colon = line.indexOf(':');
      fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
    }
    return fields;
  }

  /** The first of the four user ids. */
  private static String uid(Map<String, String> status) {
    return status.getOrDefault("Uid", "").split("\t")[0];
  }

  private static int sandboxProcess(String name) {
    return (int) inspect(name).object("state").orElseThrow().integer("pid", 0);
  }

  private static List<Integer> virtiofsds() {
    return Traces.pids().stream()
        .filter(pid -> Traces.commandLine(pid).contains("virtiofsd"))
        .toList();
  }

  @Test
  void everyVmHasAUserOfItsOwn() throws IOException {
    String first = status(vmm("jailed")).get("Uid");
    String second = status(vmm("other")).get("Uid");
    assertThat(first).isNotEqualTo(second);
    for (String name : List.of("jailed", "other")) {
      Map<String, String> status = status(vmm(name));
      String uid = uid(status);
      assertThat(Integer.parseInt(uid)).isGreaterThanOrEqualTo(1_900_000_000);
      assertThat(status.get("Gid")).isEqualTo(status.get("Uid"));
      assertThat(status.get("Groups")).isEmpty();
      assertThat(status.get("CapBnd")).isEqualTo("0000000000000000");
      assertThat(status.get("CapPrm")).isEqualTo("0000000000000000");
      assertThat(status.get("NoNewPrivs")).isEqualTo("1");
      // Ours and QEMU's own.
      assertThat(Integer.parseInt(status.get("Seccomp_filters"))).isGreaterThanOrEqualTo(2);
      assertThat(read(USERS.resolve(uid))).startsWith(Casemate.RUN + "/sandboxes/");
      for (String namespace : List.of("mnt", "pid", "ipc", "uts", "net")) {
        assertThat(Files.readSymbolicLink(Path.of("/proc/" + vmm(name) + "/ns/" + namespace)))
            .isNotEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/" + namespace)));
      }
    }
  }

  @Test
  void descriptorsOfTheCallerStayOutside() throws IOException {
    List<Integer> processes = new java.util.ArrayList<>(virtiofsds());
    processes.add(vmm("jailed"));
    processes.add(sandboxProcess("jailed"));
    assertThat(processes.size()).isGreaterThanOrEqualTo(3);
    for (int pid : processes) {
      try (var all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
        assertThat(all.map(JailTest::target))
            .as(Traces.commandLine(pid))
            .noneMatch(target -> target.endsWith("/secret"));
      }
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void anotherUserReachesNoSandbox() {
    Path socket =
        Casemate.RUN.resolve("sandboxes/" + inspect("jailed").string("id") + "/task.sock");
    assertThat(socket).exists();
    String somebody = "setpriv --reuid 65534 --regid 65534 --clear-groups ";
    Shell.run(somebody + "true");
    for (Path path : List.of(socket, socket.getParent(), Casemate.STATE.resolve("containers"))) {
      assertThat(Shell.result(somebody + "ls " + path).err()).contains("Permission denied");
    }
  }

  @Test
  void virtiofsdKeepsFewCapabilities() {
    assertThat(virtiofsds()).isNotEmpty();
    long eight = 0;
    for (int bit : new int[] {0, 1, 3, 4, 6, 7, 27, 31}) {
      eight |= 1L << bit;
    }
    boolean serving = false;
    for (int pid : virtiofsds()) {
      Map<String, String> status = status(pid);
      long held = Long.parseUnsignedLong(status.get("CapBnd"), 16);
      // What is there beside the eight is for shutting itself in.
      assertThat(held & ~eight & ~(1L << 8) & ~(1L << 18) & ~(1L << 21)).isZero();
      serving |= Long.parseUnsignedLong(status.get("CapEff"), 16) == eight;
      assertThat(status.get("NoNewPrivs")).isEqualTo("1");
      assertThat(read(Path.of("/proc/" + pid + "/limits")))
          .containsPattern("Max core file size +0 ");
    }
    assertThat(serving).isTrue();
  }

  /** The one of the daemon's processes that serves. */
  private static int serving() {
    return virtiofsds().stream()
        .filter(pid -> status(pid).getOrDefault("CapEff", "").equals("00000000880000db"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void virtiofsdsDescriptorsAreBoundedAndItsFilesAreNot() {
    for (int pid : virtiofsds()) {
      String limits = read(Path.of("/proc/" + pid + "/limits"));
      java.util.regex.Matcher files =
          java.util.regex.Pattern.compile("Max open files +([0-9]+) +([0-9]+) ").matcher(limits);
      assertThat(files.find()).as(limits).isTrue();
      assertThat(Long.parseLong(files.group(1))).isBetween(1024L, 1_000_000L);
      assertThat(files.group(2)).isEqualTo(files.group(1));
      assertThat(limits).containsPattern("Max file size +unlimited +unlimited ");
    }
  }

  @Test
  void virtiofsdSeesWhatIsSharedAndNothingElse() throws IOException {
    int pid = serving();
    // The directory of shares, each below its number.
    List<String> top = List.of(Shell.run("ls -A /proc/" + pid + "/root").out().split("\n"));
    assertThat(top).isNotEmpty().allMatch(name -> name.matches("[0-9]+"));
    for (String line : read(Path.of("/proc/" + pid + "/mountinfo")).strip().split("\n")) {
      assertThat(line.split(" ")[4]).matches("/([0-9]+)?");
    }
    for (String namespace : List.of("mnt", "pid", "net", "ipc", "uts")) {
      Path own = Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/" + namespace));
      for (String other : List.of("self", Integer.toString(sandboxProcess("jailed")))) {
        assertThat(own)
            .isNotEqualTo(Files.readSymbolicLink(Path.of("/proc/" + other + "/ns/" + namespace)));
      }
    }
  }

  @Test
  void virtiofsdHasNoDescriptorsButItsOwn() throws IOException {
    for (int pid : virtiofsds()) {
      try (var all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
        assertThat(all.map(JailTest::target))
            .as(Traces.commandLine(pid))
            .allMatch(
                target ->
                    target.matches(
                        "/dev/null|(pipe|socket):.*|anon_inode:\\[?event(fd|poll)\\]?"
                            + "|/memfd:.*|/|/proc/.*|/([0-9]+)(/.*)?|/proc|"));
      }
    }
  }

  @Test
  void theControlGroupCountsAndLimits() throws IOException {
    String id = inspect("jailed").string("id");
    String group = ":/casemate/casemate-" + id + "\n";
    assertThat(read(Path.of("/proc/" + vmm("jailed") + "/cgroup"))).contains(group);
    assertThat(read(Path.of("/proc/" + sandboxProcess("jailed") + "/cgroup"))).contains(group);
    assertThat(virtiofsds())
        .allMatch(pid -> read(Path.of("/proc/" + pid + "/cgroup")).contains(group));
    long memory = inspect("jailed").integer("memoryMib", 1024);
    String limit = "";
    for (String file :
        List.of(
            "memory/casemate/casemate-" + id + "/memory.limit_in_bytes",
            "casemate/casemate-" + id + "/memory.max")) {
      Path path = Path.of("/sys/fs/cgroup").resolve(file);
      limit = Files.exists(path) ? read(path).strip() : limit;
    }
    assertThat(Long.parseLong(limit) >> 20).isBetween(memory, memory + 1536);
  }

  @Test
  void aKilledSandboxLeavesNoGroupAndNoUser() {
    String id = detached("killed", IMAGE, "sleep", "1000000");
    String uid = uid(status(vmm("killed")));
    Processes.kill(sandboxProcess("killed"), Signals.KILL);
    ok("rm", "-f", "killed");
    assertThat(USERS.resolve(uid)).doesNotExist();
    assertThat(Shell.run("find /sys/fs/cgroup -name 'casemate-" + id + "*'").out()).isEmpty();
  }

  @Test
  void theJailCanBeSwitchedOffAndMoved() {
    Json.Obj before = inspect("jailed");
    assertThat(before.string("id")).isNotEmpty();
    try {
      call("run", "-d", "--name", "moved", IMAGE, "sleep", "1000000")
          .environment("CASEMATE_JAIL", "1940000000:4")
          .run()
          .expect(0);
      assertThat(status(vmm("moved")).get("Uid")).startsWith("194000000");
      call("run", "-d", "--name", "free", IMAGE, "sleep", "1000000")
          .environment("CASEMATE_JAIL", "off")
          .run()
          .expect(0);
      assertThat(status(vmm("free")).get("Uid")).startsWith("0\t");
    } finally {
      remove("moved", "free");
    }
    Result result = call("run", IMAGE, "true").environment("CASEMATE_JAIL", "nobody").run();
    result.expect(125);
    assertThat(result.err()).contains("nobody", "FIRST:COUNT");
  }
}
