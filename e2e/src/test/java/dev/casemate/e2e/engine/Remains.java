package dev.casemate.e2e.engine;

import dev.casemate.testsupport.Shell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What an engine's containers have on the machine at one moment, as the kernel tells it: processes,
 * mounts, cgroups, network links and namespaces, sockets, FIFOs, directories.
 */
public final class Remains {
  /** Directories of containerd's namespaces, and furniture that the first pod brings. */
  private static final Set<String> FURNITURE =
      Set.of(
          Places.MARK,
          "k8s.io",
          "moby",
          "containers",
          "sandboxes",
          "netns",
          "casemate-tests",
          "last_reserved_ip.0",
          "last_reserved_ip.1",
          "lock",
          "default",
          "network",
          "next",
          "leases",
          "bridge.json",
          "emulation-noticed");

  private Remains() {}

  /**
   * @param engine whose own processes do not count, and whose network namespace is looked into
   */
  public static Set<String> of(Daemon engine) {
    Set<String> found = new TreeSet<>();
    Set<Integer> own = engine.ownPids();
    for (int pid : pids(Places.MARK)) {
      String line = read(pid, "cmdline").replace('\0', ' ').strip();
      if (!own.contains(pid) && !line.isEmpty()) {
        found.add("process " + pid + ": " + line.substring(0, Math.min(200, line.length())));
      }
    }
    mounts(found);
    cgroups(found);
    if (engine.isAlive()) {
      links(engine, found);
    }
    names(Path.of("/run/containerd/s"), 1, found);
    names(Path.of("/run/netns"), 1, found);
    names(Path.of("/var/run/netns"), 1, found);
    names(Places.CASEMATE_RUN, 6, found);
    for (Path directory : engine.containerDirectories()) {
      names(directory, 3, found);
    }
    return found;
  }

  /** Processes that carry a mark: in their environment, command line or cgroup. */
  static List<Integer> pids(String mark) {
    List<Integer> pids = new ArrayList<>();
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      for (Path path : all.toList()) {
        String name = path.getFileName().toString();
        if (!name.matches("[0-9]+") || name.equals(Places.pid(mark))) {
          continue;
        }
        int pid = Integer.parseInt(name);
        if (read(pid, "environ").contains(mark)
            || read(pid, "cmdline").contains(mark)
            || read(pid, "cgroup").contains(mark)) {
          pids.add(pid);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return pids;
  }

  static String read(int pid, String file) {
    try {
      return new String(
          Files.readAllBytes(Path.of("/proc", Integer.toString(pid), file)),
          StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  private static void mounts(Set<String> found) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
        String[] words = line.split(" ");
        // An image's layer stays mounted as long as containerd has the image.
        if (words[4].endsWith("/netns/default")
            || words[4].contains("/io.containerd.snapshotter.v1.erofs/")) {
          continue;
        }
        if (line.contains(Places.MARK) || words[4].startsWith("/run/netns/cni-")) {
          found.add("mount " + words[4]);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void cgroups(Set<String> found) {
    for (String line :
        Shell.result(
                "find /sys/fs/cgroup -mindepth 2 -type d -path '*"
                    + Places.MARK
                    + "/*' -o -type d -name 'casemate*'")
            .out()
            .lines()
            .toList()) {
      found.add("cgroup " + line);
    }
  }

  private static void links(Daemon engine, Set<String> found) {
    for (String line :
        Shell.result("nsenter -t " + engine.pid() + " -n ip -o link").out().lines().toList()) {
      String name = line.split(":? +")[1].replaceAll("@.*", "");
      if (!name.equals("cmg0")) {
        found.add("link " + name);
      }
    }
  }

  private static void names(Path directory, int depth, Set<String> found) {
    if (depth == 0 || !Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> children = Files.list(directory)) {
      children.forEach(
          child -> {
            if (!FURNITURE.contains(child.getFileName().toString())) {
              found.add("file " + child);
            }
            names(child, depth - 1, found);
          });
    } catch (IOException | UncheckedIOException e) {
      // Gone while we looked.
    }
  }
}
