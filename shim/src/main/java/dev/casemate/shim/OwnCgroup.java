package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Processes;

/**
 * Moves the shim into a control group of the host that the configuration names, before it starts
 * anything: its VMM and its file-sharing daemon are then there, too.
 */
final class OwnCgroup {
  private static final String ROOT = "/sys/fs/cgroup";

  private OwnCgroup() {}

  /**
   * Joins a group in every hierarchy, and makes it where it is missing.
   *
   * @param path {@code /casemate}; empty to stay
   */
  static void join(String path) {
    if (path.isEmpty()) {
      return;
    }
    if (!path.startsWith("/") || path.contains("..")) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "shim.cgroup = \"" + path + "\" is not valid: expected an absolute path without ..");
    }
    try {
      if (Fs.exists(ROOT + "/cgroup.controllers")) {
        enter(ROOT + path);
        return;
      }
      for (String hierarchy : Fs.list(ROOT)) {
        String root = ROOT + "/" + hierarchy;
        // A new cpuset takes nobody before it has processors; those of its parent are fine.
        if (!hierarchy.equals("cpuset")
            && Fs.exists(root + "/cgroup.procs")
            && !Fs.lstat(root).isSymlink()) {
          enter(root + path);
        }
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "the shim cannot join control group \"" + path + "\" (shim.cgroup): " + e.getMessage(),
          e);
    }
  }

  private static void enter(String directory) {
    FileTree.makeDirectories(directory, 0755);
    FileContent.writeControl(directory + "/cgroup.procs", Integer.toString(Processes.currentPid()));
  }
}
