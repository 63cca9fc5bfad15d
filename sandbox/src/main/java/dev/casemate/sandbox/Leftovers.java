package dev.casemate.sandbox;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import java.nio.charset.StandardCharsets;

/**
 * The resources of a sandbox on the host besides its own process, and their removal: by the sandbox
 * itself at its end, or by the next command that finds its lock free. Removal is idempotent, and a
 * pid is trusted only together with its start time.
 */
public final class Leftovers {
  private static final int RECORD_LIMIT = 1 << 20;

  private Leftovers() {}

  /** Notes what there is, before anything can go wrong with it. */
  static void record(SandboxPaths paths, String id, HostTraces traces) {
    String text = traces.toJson().pretty();
    FileContent.replace(paths.processes(id), text.getBytes(StandardCharsets.UTF_8), 0600);
  }

  /**
   * Ends the remaining processes of a sandbox whose owner has died, and removes its run directory.
   */
  public static void clean(SandboxPaths paths, String id) {
    if (!Fs.exists(paths.sandbox(id))) {
      return;
    }
    try {
      Json.Obj json = Json.parseObject(FileContent.readString(paths.processes(id), RECORD_LIMIT));
      HostTraces.cleanUp(json, paths.sandbox(id));
    } catch (LinuxException | CasemateException e) {
      // No record, or a torn one: it was never launched, or the machine died meanwhile.
    }
    SandboxNetworks.release(paths, id);
    removeDirectory(paths, id);
  }

  /** Removes a sandbox's run directory, and never what may be mounted in it. */
  public static void removeDirectory(SandboxPaths paths, String id) {
    String directory = paths.sandbox(id);
    for (Mounts.Info mount : Mounts.list().reversed()) {
      if (mount.target().startsWith(directory + "/")) {
        Mounts.unmount(mount.target(), Mounts.DETACH | Mounts.UMOUNT_NOFOLLOW);
      }
    }
    FileTree.removeTree(directory);
  }
}
