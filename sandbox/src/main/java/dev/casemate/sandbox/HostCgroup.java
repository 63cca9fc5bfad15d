package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A control group of the host that counts and limits a sandbox's processes: VMM, file-sharing
 * daemon and the process that owns them. It is one directory in each hierarchy (version 1), or one
 * in all (version 2).
 */
public final class HostCgroup implements AutoCloseable {
  private static final String ROOT = "/sys/fs/cgroup";
  private static final String PROCESSES = "/cgroup.procs";
  private static final int ATTEMPTS = 50;
  private static final int PAUSE_MILLIS = 10;

  private final String path;
  private final List<String> hierarchies;

  /** Where this process was before it joined, in the order of {@link #hierarchies}. */
  private List<String> origins = List.of();

  private HostCgroup(String path, List<String> hierarchies) {
    this.path = path;
    this.hierarchies = hierarchies;
  }

  /**
   * Creates a group, with its parents if they are missing.
   *
   * @param path absolute, without {@code ..}
   * @throws CasemateException FAILED_PRECONDITION if this process lacks the permission
   */
  public static HostCgroup create(String path) {
    if (!path.startsWith("/") || path.contains("..")) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "control group \"" + path + "\" is not valid: expected an absolute path without ..");
    }
    HostCgroup group = new HostCgroup(path, hierarchies());
    try {
      for (String root : group.hierarchies) {
        makeGroup(root, path);
      }
    } catch (LinuxException e) {
      group.removeDirectories();
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "control group \"" + path + "\" cannot be created: " + e.getMessage(),
          e);
    }
    return group;
  }

  /** The mount points of the hierarchies that count or limit something. */
  private static List<String> hierarchies() {
    if (Fs.exists(ROOT + "/cgroup.controllers")) {
      return List.of(ROOT);
    }
    List<String> found = new ArrayList<>();
    if (!Fs.exists(ROOT)) {
      return found;
    }
    for (String name : Fs.list(ROOT)) {
      String root = ROOT + "/" + name;
      // A new cpuset takes no process before it has processors; those of its parent are fine.
      if (!name.equals("cpuset") && Fs.exists(root + PROCESSES) && !Fs.lstat(root).isSymlink()) {
        found.add(root);
      }
    }
    return found;
  }

  private static void makeGroup(String root, String path) {
    StringBuilder directory = new StringBuilder(root);
    for (String name : Text.split(path, '/')) {
      if (name.isEmpty()) {
        continue;
      }
      enableControllers(directory.toString());
      directory.append('/').append(name);
      try {
        Fs.makeDirectory(directory.toString(), 0755);
      } catch (LinuxException e) {
        if (e.errno() != Errno.EEXIST) {
          throw e;
        }
      }
    }
  }

  /** One by one: a machine that lacks one can still count by the others. */
  private static void enableControllers(String parent) {
    String control = parent + "/cgroup.subtree_control";
    if (!Fs.exists(control)) {
      return;
    }
    for (String controller : List.of("+memory", "+pids", "+cpu", "+io")) {
      try {
        FileContent.writeControl(control, controller);
      } catch (LinuxException e) {
        // Not there, or processes are in the parent itself: doctor tells what cannot be limited.
      }
    }
  }

  public String path() {
    return path;
  }

  /** Moves a process into the group; children that it starts later are in the group as well. */
  public void add(int pid) {
    try {
      for (String root : hierarchies) {
        FileContent.writeControl(root + path + PROCESSES, Integer.toString(pid));
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "process " + pid + " cannot join control group \"" + path + "\": " + e.getMessage(),
          e);
    }
  }

  /** Moves this process into the group until {@link #close}. */
  public void join() {
    List<String> before = new ArrayList<>();
    for (String root : hierarchies) {
      before.add(current(root));
    }
    origins = before;
    add(Processes.currentPid());
  }

  /** The group in which this process is, as a hierarchy's directory. */
  private static String current(String root) {
    String wanted = root.equals(ROOT) ? "" : root.substring(ROOT.length() + 1);
    for (String line : Text.split(FileContent.readString("/proc/self/cgroup", 1 << 16), '\n')) {
      List<String> fields = Text.split(line, ':');
      if (fields.size() < 3) {
        continue;
      }
      String controllers = fields.get(1);
      boolean same =
          controllers.equals(wanted)
              || controllers.equals("name=" + wanted)
              || (wanted.equals("unified") && controllers.isEmpty());
      if (same) {
        return root + line.substring(line.indexOf(':', line.indexOf(':') + 1) + 1);
      }
    }
    return root;
  }

  /**
   * Limits the group.
   *
   * @param memoryBytes of all processes together, page cache included
   * @param processes processes and threads
   * @return the limits that could not be set, empty if all were
   */
  public String limit(long memoryBytes, int processes) {
    List<String> missing = new ArrayList<>();
    if (!write(List.of("memory.max", "memory.limit_in_bytes"), memoryBytes)) {
      missing.add("memory");
    }
    if (!write(List.of("pids.max"), processes)) {
      missing.add("processes");
    }
    return String.join(" and ", missing);
  }

  private boolean write(List<String> names, long value) {
    for (String root : hierarchies) {
      for (String name : names) {
        String file = root + path + "/" + name;
        if (Fs.exists(file)) {
          try {
            FileContent.writeControl(file, Long.toString(value));
            return true;
          } catch (LinuxException e) {
            return false;
          }
        }
      }
    }
    return false;
  }

  /** Leaves the group and removes it; its other processes must have ended. */
  @Override
  public void close() {
    for (int i = 0; i < origins.size(); i++) {
      for (String back : List.of(origins.get(i), hierarchies.get(i))) {
        try {
          FileContent.writeControl(back + PROCESSES, Integer.toString(Processes.currentPid()));
          break;
        } catch (LinuxException e) {
          // The group it came from is gone, or takes no processes any more: the root does.
        }
      }
    }
    origins = List.of();
    removeDirectories();
  }

  /** Removes a group that another process has left; what still runs in it stays. */
  static void remove(String path) {
    if (path.startsWith("/") && !path.contains("..")) {
      new HostCgroup(path, hierarchies()).removeDirectories();
    }
  }

  private void removeDirectories() {
    for (String root : hierarchies) {
      removeDirectory(root + path);
      // Casemate's own parent is its to remove; an engine's is not.
      if (path.startsWith(JailOptions.CGROUP + "/")) {
        remove(root + JailOptions.CGROUP, Optional.empty());
      }
    }
  }

  private static void removeDirectory(String directory) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (remove(directory, Optional.of(Errno.EBUSY))) {
        return;
      }
      // A killed process leaves its group a moment after it has been waited for.
      try {
        Thread.sleep(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Whether there is no more to do: it is removed, or cannot be. */
  private static boolean remove(String directory, Optional<Integer> again) {
    try {
      Fs.removeDirectory(directory);
      return true;
    } catch (LinuxException e) {
      return again.isEmpty() || e.errno() != again.get();
    }
  }
}
