package dev.casemate.cell;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Pipe;
import dev.casemate.linux.Processes;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.MountSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The id maps of user namespaces (user_namespaces(7)). */
final class IdMaps {
  private IdMaps() {}

  /** Writes the maps of a process that has just been made in a new user namespace. */
  static void write(int pid, List<IdMapping> uids, List<IdMapping> gids) {
    String folder = "/proc/" + pid;
    try {
      Fs.writeControl(folder + "/uid_map", lines(uids));
      try {
        Fs.writeControl(folder + "/gid_map", lines(gids));
      } catch (LinuxException e) {
        if (e.errno() != Errno.EPERM) {
          throw e;
        }
        // Without rights outside groups may be mapped only once setgroups(2) is given up.
        Fs.writeControl(folder + "/setgroups", "deny");
        Fs.writeControl(folder + "/gid_map", lines(gids));
      }
    } catch (LinuxException e) {
      throw Failures.of("id maps of the user namespace", e);
    }
  }

  private static String lines(List<IdMapping> maps) {
    StringBuilder text = new StringBuilder();
    for (IdMapping map : maps) {
      text.append(Integer.toUnsignedString(map.containerId()))
          .append(' ')
          .append(Integer.toUnsignedString(map.hostId()))
          .append(' ')
          .append(Integer.toUnsignedString(map.size()))
          .append('\n');
    }
    return text.toString();
  }

  /** For each mount with id maps a user namespace that has them; the caller closes them. */
  static List<Optional<Fd>> forMounts(List<MountSpec> mounts) {
    List<Optional<Fd>> result = new ArrayList<>();
    try {
      for (MountSpec mount : mounts) {
        boolean mapped = !mount.uidMappings().isEmpty() && !mount.gidMappings().isEmpty();
        result.add(
            mapped
                ? Optional.of(userNamespace(mount.uidMappings(), mount.gidMappings()))
                : Optional.empty());
      }
      return result;
    } catch (RuntimeException e) {
      close(result);
      throw e;
    }
  }

  static void close(List<Optional<Fd>> fds) {
    for (Optional<Fd> fd : fds) {
      fd.ifPresent(Fd::close);
    }
  }

  /** A user namespace lives as long as a descriptor of it: the process in it only holds it open. */
  private static Fd userNamespace(List<IdMapping> uids, List<IdMapping> gids) {
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
