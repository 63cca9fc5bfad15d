package dev.casemate.cell;

import dev.casemate.base.Failures;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.oci.IdMapping;
import java.util.List;

/** User namespaces that several containers join. */
public final class UserNamespaces {
  private UserNamespaces() {}

  /**
   * Makes a user namespace that lasts as long as a mount: containers join it by the path.
   *
   * @param path of a file that does not exist yet
   * @throws dev.casemate.base.CasemateException if the kernel does not take the maps
   */
  public static void pin(String path, List<IdMapping> uids, List<IdMapping> gids) {
    try (Fd namespace = IdMaps.userNamespace(uids, gids)) {
      FileContent.write(path, new byte[0], 0444);
      Mounts.mount(namespace.procPath(), path, "", Mounts.BIND, "");
    } catch (LinuxException e) {
      throw Failures.of("user namespace", e);
    }
  }
}
