package dev.casemate.e2e;

import dev.casemate.linux.LinuxException;
import dev.casemate.netlink.NetworkLink;
import dev.casemate.netlink.NfTables;
import dev.casemate.netlink.RouteNetlink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What this suite's containers have on the machine, as the kernel tells it: one line each. */
final class Traces {
  /** Empty furniture of the run directory, which outlives the last sandbox. */
  private static final Set<String> FURNITURE =
      Set.of(
          "emulation-noticed",
          "sandboxes",
          "netns",
          "network",
          "network/lock",
          "network/sandboxes",
          "network/leases",
          "network/next",
          "network/bridge.json");

  private Traces() {}

  static Set<String> now() {
    Set<String> traces = new TreeSet<>();
    processes(traces);
    mounts(traces);
    network(traces);
    cgroups(traces);
    files(traces);
    return traces;
  }

  /** Processes of ours that run. */
  static List<Integer> pids() {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.map(path -> path.getFileName().toString())
          .filter(name -> name.matches("[0-9]+"))
          .map(Integer::valueOf)
          .filter(pid -> pid != ProcessHandle.current().pid())
          .filter(Traces::isOurs)
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isOurs(int pid) {
    String run = Casemate.RUN.toString();
    String state = Casemate.STATE.toString();
    String commandLine = read(pid, "cmdline");
    return commandLine.contains(run)
        || commandLine.contains(state)
        || read(pid, "environ").contains("CASEMATE_RUN=" + run + "\0")
        || read(pid, "environ").contains("CASEMATE_VM=" + run + "/");
  }

  static String commandLine(int pid) {
    return read(pid, "cmdline").replace('\0', ' ').strip();
  }

  private static String read(int pid, String file) {
    try {
      return new String(
          Files.readAllBytes(Path.of("/proc", Integer.toString(pid), file)),
          StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  private static void processes(Set<String> traces) {
    for (int pid : pids()) {
      String line = commandLine(pid);
      if (!line.isEmpty()) {
        traces.add("process " + pid + ": " + line.substring(0, Math.min(200, line.length())));
      }
    }
  }

  private static void mounts(Set<String> traces) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
        if (line.contains(Casemate.RUN.toString()) || line.contains(Casemate.STATE.toString())) {
          traces.add("mount " + line.split(" ")[4]);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void network(Set<String> traces) {
    try (RouteNetlink route = RouteNetlink.open()) {
      for (NetworkLink link : route.links()) {
        if (link.name().matches("(casemate|cm)[0-9a-f]{7,12}")) {
          traces.add("link " + link.name() + " " + link.alias());
        }
      }
    }
    try (NfTables tables = NfTables.open()) {
      for (String table : tables.tables()) {
        if (table.startsWith("casemate-")) {
          traces.add("packet filter table " + table);
        }
      }
    } catch (LinuxException e) {
      // A kernel without nftables has none.
    }
  }

  private static void cgroups(Set<String> traces) {
    walk(
        Path.of("/sys/fs/cgroup"),
        6,
        path -> {
          String name = path.getFileName().toString();
          if (name.matches(".*[0-9a-f]{64}.*") || name.startsWith("casemate")) {
            traces.add("cgroup " + path);
          }
        });
  }

  private static void files(Set<String> traces) {
    walk(
        Casemate.RUN,
        10,
        path -> {
          String name = Casemate.RUN.relativize(path).toString();
          if (!name.isEmpty() && !FURNITURE.contains(name)) {
            traces.add("file " + path);
          }
        });
    for (String directory : List.of("containers", "names", "images/temp", "cache")) {
      walk(
          Casemate.STATE.resolve(directory),
          1,
          path -> {
            String name = path.getFileName().toString();
            boolean kept = name.startsWith("scratch-") && name.endsWith(".ext4");
            if (!path.equals(Casemate.STATE.resolve(directory)) && !kept) {
              traces.add("file " + path);
            }
          });
    }
    walk(
        Path.of("/tmp"),
        1,
        path -> {
          String name = path.getFileName().toString();
          // Builds and other tests may be at work beside us.
          if (name.contains("casemate") && !name.matches("casemate-(image|test).*")) {
            traces.add("file " + path);
          }
        });
  }

  private interface Visitor {
    void visit(Path path);
  }

  private static void walk(Path directory, int depth, Visitor visitor) {
    if (Files.exists(directory, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
      visitor.visit(directory);
    }
    // What scripts/isolated.sh runs beside us has its own checks.
    boolean others = directory.getFileName().toString().startsWith("isolated-");
    if (depth == 0
        || others
        || !Files.isDirectory(directory, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> children = Files.list(directory)) {
      children.forEach(child -> walk(child, depth - 1, visitor));
    } catch (IOException | UncheckedIOException e) {
      // Gone while we looked.
    }
  }
}
