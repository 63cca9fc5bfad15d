package dev.casemate.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.Poll;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a program in QEMU's place can still do: each line is compared with the list in {@code
 * docs/security.md}, so that a wider jail fails the build and a narrower one changes the page.
 */
@Tag("root")
class JailProbeTest {
  private static final Path PAGE = Path.of("../docs/security.md");
  private static final int LAST_CALL = 470;
  private static final int CALL_MILLIS = 1_500;

  @TempDir private static Path directory;
  private static Probe probe;

  @BeforeAll
  static void compile() {
    probe = new Probe(directory);
  }

  /** The lines of a block of the page, {@code ```text NAME}. */
  private static List<String> expected(String name) throws IOException {
    List<String> lines = new ArrayList<>();
    boolean inside = false;
    for (String line : Files.readAllLines(PAGE)) {
      if (line.startsWith("```")) {
        if (inside) {
          return lines;
        }
        inside = line.equals("```text " + name);
      } else if (inside) {
        lines.add(line);
      }
    }
    throw new AssertionError(PAGE + " has no block \"```text " + name + "\"");
  }

  /** Fields of {@code /proc/PID/status}. */
  private static Map<String, String> status(int pid) {
    Map<String, String> fields = new TreeMap<>();
    for (String line : FileContent.readString("/proc/" + pid + "/status", 65536).split("\n")) {
      int colon = line.indexOf(':');
      fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
    }
    return fields;
  }

  @Test
  void identityAndNamespaces() throws Exception {
    List<String> seen = new ArrayList<>();
    try (Probe.Running running = probe.start(probe.jail(), "hold")) {
      assertThat(running.line()).isEqualTo("holding");
      Map<String, String> status = status(running.pid());
      String uid = Integer.toString(TestGuest.USER.uid());
      assertThat(status.get("Uid")).isEqualTo(String.join("\t", uid, uid, uid, uid));
      assertThat(status.get("Gid")).isEqualTo(String.join("\t", uid, uid, uid, uid));
      assertThat(status.get("Groups")).isEmpty();
      for (String set : List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) {
        assertThat(status.get(set)).as(set).isEqualTo("0000000000000000");
      }
      assertThat(status.get("NoNewPrivs")).isEqualTo("1");
      assertThat(status.get("Seccomp")).isEqualTo("2");
      for (String namespace :
          List.of("mnt", "pid", "ipc", "uts", "net", "user", "cgroup", "time")) {
        Path own = Files.readSymbolicLink(Path.of("/proc/" + running.pid() + "/ns/" + namespace));
        Path host = Files.readSymbolicLink(Path.of("/proc/self/ns/" + namespace));
        seen.add("namespace " + namespace + (own.equals(host) ? " host's" : " own"));
      }
      assertThat(interfaces(running.pid())).containsExactly("lo");
      assertThat(Mounts.list(running.pid()))
          .allMatch(mount -> mount.options().startsWith("ro") && mount.options().contains("nosuid"))
          .allMatch(mount -> mount.optional().isEmpty());
    }
    assertThat(seen).containsExactlyElementsOf(expected("jail-namespaces"));
  }

  private static List<String> interfaces(int pid) {
    List<String> names = new ArrayList<>();
    for (String line : FileContent.readString("/proc/" + pid + "/net/dev", 65536).split("\n")) {
      if (line.indexOf(':') > 0) {
        names.add(line.substring(0, line.indexOf(':')).strip());
      }
    }
    return names;
  }

  @Test
  void whatItCanReach() throws Exception {
    List<String> paths;
    try (Probe.Running running = probe.start(probe.jail(), "hold")) {
      assertThat(running.line()).isEqualTo("holding");
      paths = files(Path.of("/proc/" + running.pid() + "/root/."));
    }
    List<String> arguments = new ArrayList<>(List.of("what"));
    arguments.addAll(paths);
    TreeSet<String> files = new TreeSet<>();
    List<String> rest = new ArrayList<>();
    for (String line : probe.run(probe.jail(), arguments.toArray(String[]::new))) {
      if (line.contains(probe.binary()) || line.startsWith("uid ") || line.startsWith("gid ")) {
        continue;
      }
      if (!line.startsWith("file ")) {
        rest.add(line);
      } else if (line.contains(".so")) {
        // The libraries of QEMU differ from one release to the next.
        files.add("file QEMU's shared libraries" + line.substring(line.indexOf(' ', 5)));
      } else {
        files.add(line);
      }
    }
    assertThat(files).containsExactlyElementsOf(expected("jail-files"));
    assertThat(rest).containsExactlyElementsOf(expected("jail-attempts"));
  }

  private static List<String> files(Path root) throws IOException {
    try (var all = Files.walk(root)) {
      return all.filter(path -> !Files.isDirectory(path))
          .map(path -> "/" + root.relativize(path))
          .sorted()
          .toList();
    }
  }

  @Test
  void everySystemCall() throws Exception {
    Map<Integer, String> names = callNames();
    List<String> passed = new ArrayList<>();
    for (int next = 0; next <= LAST_CALL; ) {
      next = from(next, names, passed);
    }
    // The kernel lets these two pass every filter; outside of a probe they do nothing.
    passed.removeAll(List.of("uretprobe", "uprobe", "335", "336"));
    List<String> words = new ArrayList<>();
    for (String line : expected("jail-calls")) {
      words.addAll(List.of(line.split(" ")));
    }
    assertThat(passed).containsExactlyElementsOf(words);
  }

  private static Map<Integer, String> callNames() throws IOException {
    Map<Integer, String> names = new TreeMap<>();
    for (String line :
        Files.readAllLines(Path.of("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"))) {
      if (line.startsWith("#define __NR_")) {
        String[] words = line.substring("#define __NR_".length()).split(" ");
        names.put(Integer.parseInt(words[1]), words[0]);
      }
    }
    return names;
  }

  /**
   * Makes the calls from a number on, each with arguments that are no use. What fails with another
   * error than the filter's, succeeds, waits or ends the process has passed.
   *
   * @return the number of the first that was not made
   */
  private static int from(int first, Map<Integer, String> names, List<String> passed) {
    int trying = first;
    try (Probe.Running running = probe.start(probe.jail(), "calls", Integer.toString(first))) {
      while (true) {
        String line = Poll.await(running.output(), Poll.IN, CALL_MILLIS) == 0 ? "" : running.line();
        if (line.startsWith("try ")) {
          trying = Integer.parseInt(line.substring(4));
        } else if (line.startsWith("call ")
            && (line.endsWith(" EPERM") || line.endsWith(" ENOSYS"))) {
          trying++;
        } else if (line.equals("end")) {
          return LAST_CALL + 1;
        } else {
          passed.add(names.getOrDefault(trying, Integer.toString(trying)));
          trying++;
          if (!line.startsWith("call ")) {
            return trying;
          }
        }
      }
    }
  }
}
