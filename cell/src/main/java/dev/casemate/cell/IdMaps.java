package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.linux.Spawn;
import dev.casemate.linux.WaitStatus;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The id maps of user namespaces (user_namespaces(7)). */
final class IdMaps {
  private static final String HELPER_PATH = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin";

  private IdMaps() {}

  /** Writes the maps of a process that has just been made in a new user namespace. */
  static void write(int pid, List<IdMapping> uids, List<IdMapping> gids) {
    int uid = Processes.effectiveUid();
    int gid = Processes.effectiveGid();
    try {
      write(pid, "uid", uids, uid, uid);
      write(pid, "gid", gids, gid, uid);
    } catch (LinuxException e) {
      throw Failures.of("id maps of the user namespace", e);
    }
  }

  /** An ordinary user may map its own id alone; the rest takes the set-uid helpers of shadow. */
  private static void write(int pid, String kind, List<IdMapping> maps, int own, int uid) {
    boolean onlyOwn = maps.size() == 1 && maps.get(0).size() == 1 && maps.get(0).hostId() == own;
    if (uid != 0 && !onlyOwn && helper("new" + kind + "map", pid, maps)) {
      return;
    }
    String file = "/proc/" + pid + "/" + kind + "_map";
    try {
      FileContent.writeControl(file, IdMapping.lines(maps));
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPERM || !kind.equals("gid")) {
        throw e;
      }
      // Without rights outside groups may be mapped only once setgroups(2) is given up.
      FileContent.writeControl("/proc/" + pid + "/setgroups", "deny");
      FileContent.writeControl(file, IdMapping.lines(maps));
    }
  }

  /** Runs newuidmap(1) or newgidmap(1); false if it is not installed. */
  private static boolean helper(String name, int pid, List<IdMapping> maps) {
    String path = Spawn.find(name, HELPER_PATH);
    if (path.isEmpty()) {
      return false;
    }
    List<String> argv = new ArrayList<>(List.of(name, Integer.toString(pid)));
    for (IdMapping map : maps) {
      argv.add(Integer.toUnsignedString(map.containerId()));
      argv.add(Integer.toUnsignedString(map.hostId()));
      argv.add(Integer.toUnsignedString(map.size()));
    }
    try (Pipe output = Pipe.open();
        Fd nothing = Fs.open("/dev/null", 0)) {
      int child = Spawn.program(path, argv).stdio(nothing, output.write(), output.write()).start();
      output.write().close();
      String said =
          new String(FileContent.readBytes(output.read(), name, 1 << 16), StandardCharsets.UTF_8);
      WaitStatus status = Processes.waitFor(child, 0).orElseThrow();
      if (status.exitStatus() != 0) {
        throw Failures.precondition(
            path
                + " "
                + String.join(" ", argv.subList(1, argv.size()))
                + " ended with "
                + status.exitStatus()
                + ": "
                + said.strip()
                + "; the ids must be this user's in /etc/sub"
                + (name.equals("newuidmap") ? "uid" : "gid"));
      }
      return true;
    }
  }

  /**
   * For each mount with id maps a user namespace that has them; the caller closes them. A mount
   * that is to be mapped and has no maps gets those of the container.
   */
  static List<Optional<Fd>> forMounts(List<MountSpec> mounts, LinuxSpec linux) {
    List<Optional<Fd>> result = new ArrayList<>();
    try {
      for (MountSpec mount : mounts) {
        result.add(forMount(mount, linux));
      }
      return result;
    } catch (RuntimeException e) {
      close(result);
      throw e;
    }
  }

  /** Whether a mount's ids are to be mapped. */
  static boolean isMapped(MountSpec mount) {
    return !mount.uidMappings().isEmpty()
        || mount.options().contains("idmap")
        || mount.options().contains("ridmap");
  }

  private static Optional<Fd> forMount(MountSpec mount, LinuxSpec linux) {
    boolean uids = !mount.uidMappings().isEmpty();
    if (uids != !mount.gidMappings().isEmpty()) {
      throw Failures.invalid(
          "mount at "
              + mount.destination()
              + " has only one of uidMappings and gidMappings; give both");
    }
    if (uids) {
      return Optional.of(userNamespace(mount.uidMappings(), mount.gidMappings()));
    }
    if (!isMapped(mount)) {
      return Optional.empty();
    }
    Optional<LinuxSpec.Namespace> users = linux.namespace("user");
    if (users.isPresent()) {
      String path = users.get().path();
      return Optional.of(
          path.isEmpty()
              ? userNamespace(linux.uidMappings(), linux.gidMappings())
              : InitProcess.open(path));
    }
    throw Failures.invalid(
        "mount at "
            + mount.destination()
            + " has option idmap, but neither it nor the container has id mappings; give"
            + " uidMappings and gidMappings");
  }

  static void close(List<Optional<Fd>> fds) {
    for (Optional<Fd> fd : fds) {
      fd.ifPresent(Fd::close);
    }
  }

  /** A user namespace lives as long as a descriptor of it: the process in it only holds it open. */
  static Fd userNamespace(List<IdMapping> uids, List<IdMapping> gids) {
    try (Pipe pipe = Pipe.open()) {
      int pid = Processes.fork(Processes.CLONE_NEWUSER);
      if (pid == 0) {
        pipe.write().close();
        pipe.read().read(new byte[1], 0, 1);
        Processes.exit(0);
      }
      try {
        write(pid, uids, gids);
        return Fs.open("/proc/" + pid + "/ns/user", 0);
      } finally {
        pipe.write().close();
        Processes.waitFor(pid, 0);
      }
    }
  }
}
