package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import dev.casemate.protocol.containerd.Mount;
import dev.casemate.sandbox.MountIds;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Mounts what a snapshotter gives as a container's root, in this process's mount namespace: it goes
 * away with the shim and its file-sharing daemon, however they end.
 */
final class RootMounts {
  /** mount(2) takes one page of options. */
  private static final int DATA_LIMIT = 4095;

  private static final int PLACE = OpenFlag.PATH | OpenFlag.DIRECTORY;

  private RootMounts() {}

  /**
   * Mounts all of {@code mounts}, in their order, at or below {@code target}. What was mounted
   * first may hold links: places below are opened step by step, and nothing leads out of it.
   */
  static void mount(List<Mount> mounts, String target) {
    for (Mount mount : mounts) {
      try (Fd root = Fs.open(target, PLACE);
          Fd place = place(root, mount.target())) {
        mountOne(mount, place);
      }
    }
  }

  /** Opens a directory below {@code root} and makes what is missing on the way. */
  private static Fd place(Fd root, String path) {
    Fd place = Fs.openAt(root, ".", PLACE, 0);
    for (String name : Text.split(path, '/')) {
      if (name.isEmpty() || name.equals(".")) {
        continue;
      }
      try (Fd parent = place) {
        place = enter(parent, name);
      } catch (LinuxException e) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            "mount target \"" + path + "\" of the root is not a directory in it: " + e.getMessage(),
            e);
      }
    }
    return place;
  }

  private static Fd enter(Fd parent, String name) {
    int resolve = OpenFlag.RESOLVE_BENEATH | OpenFlag.RESOLVE_NO_SYMLINKS;
    try {
      return Fs.openResolved(parent, name, PLACE, 0, resolve);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
    Fs.makeDirectoryAt(parent, name, 0755);
    return Fs.openResolved(parent, name, PLACE, 0, resolve);
  }

  private static void mountOne(Mount mount, Fd place) {
    Options options = Options.parse(mount.options());
    try {
      if ((options.flags() & Mounts.BIND) != 0) {
        bind(mount.source(), options, place);
      } else if (!options.ids().isNone()) {
        mountMapped(mount, place, options);
      } else if (options.data().length() <= DATA_LIMIT) {
        Mounts.mount(
            mount.source(), place.procPath(), mount.type(), options.flags(), options.data());
      } else {
        mountLong(mount, place.procPath(), options);
      }
    } catch (LinuxException e) {
      throw CasemateException.of(
          Kind.INTERNAL,
          "cannot mount the container's root ("
              + mount.type()
              + " from "
              + mount.source()
              + ", options "
              + String.join(",", mount.options())
              + "): "
              + e.getMessage(),
          e);
    }
  }

  /** The attributes are there before the mount is. */
  private static void bind(String source, Options options, Fd place) {
    boolean recursive = (options.flags() & Mounts.REC) != 0;
    int clone = Mounts.OPEN_TREE_CLONE | (recursive ? Mounts.AT_RECURSIVE : 0);
    try (Fd path = Fs.open(source, OpenFlag.PATH);
        Fd tree = Mounts.openTree(path, "", clone)) {
      long time = options.accessTime();
      Mounts.setAttributes(
          tree,
          recursive,
          options.attributes() | Math.max(0, time),
          time < 0 ? 0 : NewMount.ATTR_ATIME,
          Mounts.PRIVATE,
          0);
      options.ids().apply(tree, "the container's root " + source);
      Mounts.moveMount(tree, place);
    }
  }

  /**
   * An overlay with other ids, for a container with a user namespace. Linux maps no overlay, but
   * takes layers that are mapped, if they are mounted somewhere: here below the overlay.
   */
  private static void mountMapped(Mount mount, Fd place, Options options) {
    if (!mount.type().equals("overlay")) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "the container's root of type "
              + mount.type()
              + " has option uidmap, which an overlay or a bind mount can have; use the overlayfs"
              + " snapshotter, or a pod without a user namespace");
    }
    mountLayers(
        mount,
        place.procPath(),
        options,
        layer -> {
          try (Fd path = Fs.open(layer, OpenFlag.PATH)) {
            Fd tree = Mounts.openTree(path, "", Mounts.OPEN_TREE_CLONE);
            try {
              Mounts.setAttributes(tree, false, NewMount.ATTR_RDONLY, 0, Mounts.PRIVATE, 0);
              options.ids().apply(tree, "the image's layer " + layer);
              Mounts.moveMount(tree, place);
              return tree;
            } catch (RuntimeException e) {
              tree.close();
              throw e;
            }
          }
        });
  }

  /** An overlay of so many layers that their paths do not fit: descriptors stand for them. */
  private static void mountLong(Mount mount, String target, Options options) {
    mountLayers(mount, target, options, layer -> Fs.open(layer, OpenFlag.PATH));
  }

  private static void mountLayers(
      Mount mount, String target, Options options, Function<String, Fd> open) {
    List<Fd> layers = new ArrayList<>();
    try {
      StringBuilder data = new StringBuilder();
      for (String option : Text.split(options.data(), ',')) {
        if (!data.isEmpty()) {
          data.append(',');
        }
        if (!option.startsWith("lowerdir=")) {
          data.append(option);
          continue;
        }
        data.append("lowerdir=");
        String separator = "";
        for (String layer : Text.split(option.substring("lowerdir=".length()), ':')) {
          Fd fd = open.apply(layer);
          layers.add(fd);
          data.append(separator).append(fd.procPath());
          separator = ":";
        }
      }
      Mounts.mount(mount.source(), target, mount.type(), options.flags(), data.toString());
    } finally {
      for (Fd layer : layers) {
        layer.close();
      }
    }
  }

  /**
   * mount(8)'s options: flags of mount(2), and the rest for the file system.
   *
   * @param ids of containerd's own options uidmap and gidmap
   */
  record Options(long flags, String data, MountIds ids) {
    private static final String UIDS = "uidmap=";
    private static final String GIDS = "gidmap=";

    private boolean has(long flag) {
      return (flags & flag) != 0;
    }

    /** As {@code mount_setattr(2)} has them. */
    long attributes() {
      return (has(Mounts.RDONLY) ? NewMount.ATTR_RDONLY : 0)
          | (has(Mounts.NOSUID) ? NewMount.ATTR_NOSUID : 0)
          | (has(Mounts.NODEV) ? NewMount.ATTR_NODEV : 0)
          | (has(Mounts.NOEXEC) ? NewMount.ATTR_NOEXEC : 0)
          | (has(Mounts.NODIRATIME) ? NewMount.ATTR_NODIRATIME : 0);
    }

    /** The attribute for access times; negative if the source's is to stay. */
    long accessTime() {
      if (has(Mounts.NOATIME)) {
        return NewMount.ATTR_NOATIME;
      }
      if (has(Mounts.STRICTATIME)) {
        return NewMount.ATTR_STRICTATIME;
      }
      return has(Mounts.RELATIME) ? NewMount.ATTR_RELATIME : -1;
    }

    static Options parse(List<String> options) {
      long flags = 0;
      StringBuilder data = new StringBuilder();
      String uids = "";
      String gids = "";
      for (String option : options) {
        if (option.startsWith(UIDS)) {
          uids = option.substring(UIDS.length());
          continue;
        }
        if (option.startsWith(GIDS)) {
          gids = option.substring(GIDS.length());
          continue;
        }
        switch (option) {
          case "rw", "dev", "exec", "suid", "async", "defaults", "" -> {}
          case "ro" -> flags |= Mounts.RDONLY;
          case "nosuid" -> flags |= Mounts.NOSUID;
          case "nodev" -> flags |= Mounts.NODEV;
          case "noexec" -> flags |= Mounts.NOEXEC;
          case "sync" -> flags |= Mounts.SYNCHRONOUS;
          case "dirsync" -> flags |= Mounts.DIRSYNC;
          case "noatime" -> flags |= Mounts.NOATIME;
          case "nodiratime" -> flags |= Mounts.NODIRATIME;
          case "relatime" -> flags |= Mounts.RELATIME;
          case "strictatime" -> flags |= Mounts.STRICTATIME;
          case "bind" -> flags |= Mounts.BIND;
          case "rbind" -> flags |= Mounts.BIND | Mounts.REC;
          default -> {
            if (!data.isEmpty()) {
              data.append(',');
            }
            data.append(option);
          }
        }
      }
      boolean mapped = !uids.isEmpty() || !gids.isEmpty();
      return new Options(
          flags, data.toString(), mapped ? MountIds.parse(uids, gids) : MountIds.NONE);
    }
  }
}
