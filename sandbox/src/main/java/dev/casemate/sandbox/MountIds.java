package dev.casemate.sandbox;

import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.Text;
import dev.casemate.oci.IdMapping;
import dev.casemate.oci.LinuxSpec;
import dev.casemate.oci.MountSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * The id maps of a mount (runtime-spec config.md, "uidMappings"; mount_setattr(2)): which owner its
 * files have in a container with a user namespace. What the host shares is mapped on the host; the
 * guest's file systems could not be. What the guest gets as copies gets its mapped owners there.
 *
 * @param recursive whether mounts below it are mapped, too
 */
public record MountIds(List<IdMapping> uids, List<IdMapping> gids, boolean recursive) {
  /** Files have the owners that they have on the host. */
  public static final MountIds NONE = new MountIds(List.of(), List.of(), false);

  /** What a file belongs to whose owner is in no map. */
  private static final int OVERFLOW = 65534;

  private static final int LINES_LIMIT = 340;

  /**
   * Those of a mount; with option {@code idmap} alone, those of the container.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT if one of the two maps is missing
   */
  static MountIds of(MountSpec mount, LinuxSpec linux) {
    boolean recursive = mount.options().contains("ridmap");
    boolean given = !mount.uidMappings().isEmpty() || !mount.gidMappings().isEmpty();
    if (!given && !recursive && !mount.options().contains("idmap")) {
      return NONE;
    }
    List<IdMapping> uids = given ? mount.uidMappings() : linux.uidMappings();
    List<IdMapping> gids = given ? mount.gidMappings() : linux.gidMappings();
    if (uids.isEmpty() || gids.isEmpty()) {
      throw Failures.invalid(
          "mount at "
              + mount.destination()
              + " needs both uidMappings and gidMappings, of its own or of the container");
    }
    return new MountIds(uids, gids, recursive);
  }

  /**
   * Reads containerd's notation of a snapshot's maps, {@code container:host:size,…}.
   *
   * @throws dev.casemate.base.CasemateException INVALID_ARGUMENT if they are not of that form
   */
  public static MountIds parse(String uids, String gids) {
    return new MountIds(lines("uidmap", uids), lines("gidmap", gids), false);
  }

  private static List<IdMapping> lines(String name, String text) {
    List<IdMapping> lines = new ArrayList<>();
    for (String line : Text.split(text, ',')) {
      List<String> numbers = Text.split(line, ':');
      try {
        if (numbers.size() == 3 && lines.size() < LINES_LIMIT) {
          lines.add(
              new IdMapping(
                  Integer.parseUnsignedInt(numbers.get(0)),
                  Integer.parseUnsignedInt(numbers.get(1)),
                  Integer.parseUnsignedInt(numbers.get(2))));
          continue;
        }
      } catch (NumberFormatException e) {
        // Refused below.
      }
      throw Failures.invalid(
          "mount option "
              + name
              + " = \""
              + text
              + "\" is not a list of CONTAINER:HOST:SIZE, at most "
              + LINES_LIMIT);
    }
    if (lines.isEmpty()) {
      throw Failures.invalid("mount option " + name + " is missing; uidmap needs gidmap");
    }
    return lines;
  }

  public boolean isNone() {
    return uids.isEmpty();
  }

  /** The owner that a file of a user has through the mount, as processes of the host see it. */
  int uid(int id) {
    return mapped(uids, id);
  }

  /** The same of a group. */
  int gid(int id) {
    return mapped(gids, id);
  }

  private static int mapped(List<IdMapping> lines, int id) {
    return lines.isEmpty() ? id : IdMapping.outside(id, lines).orElse(OVERFLOW);
  }

  /**
   * Maps the owners of a detached mount.
   *
   * @param what names the mount in an error
   * @throws dev.casemate.base.CasemateException FAILED_PRECONDITION if its file system cannot be
   *     mapped
   */
  public void apply(Fd tree, String what) {
    if (isNone()) {
      return;
    }
    try (Fd namespace = MappingNamespace.make(uids, gids)) {
      Mounts.setAttributes(tree, recursive, NewMount.ATTR_IDMAP, 0, 0, namespace.number());
    } catch (LinuxException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.EPERM) {
        throw e;
      }
      throw Failures.precondition(
          what
              + " cannot be mounted with other ids (uidMappings, gidMappings): its file system does"
              + " not support it, or is mapped already; use another file system, or no user"
              + " namespace");
    }
  }

  /** A mount as the guest makes it of what is mapped already. */
  static MountSpec without(MountSpec mount) {
    List<String> options = new ArrayList<>(mount.options());
    options.remove("idmap");
    options.remove("ridmap");
    return new MountSpec(
        mount.destination(), mount.type(), mount.source(), options, List.of(), List.of());
  }
}
