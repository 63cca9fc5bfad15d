package dev.casemate.shim;

import dev.casemate.linux.Fd;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Mounts;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import dev.casemate.oci.CasemateException;
import dev.casemate.oci.CasemateException.Kind;
import dev.casemate.protocol.containerd.Mount;
import java.util.ArrayList;
import java.util.List;

/**
 * Mounts what a snapshotter gives as a container's root, in this process's mount namespace: it goes
 * away with the shim and its file-sharing daemon, however they end.
 */
final class RootMounts {
  /** mount(2) takes one page of options. */
  private static final int DATA_LIMIT = 4095;

  private RootMounts() {}

  /** Mounts all of {@code mounts}, in their order, at or below {@code target}. */
  static void mount(List<Mount> mounts, String target) {
    for (Mount mount : mounts) {
      String place = target;
      if (!mount.target().isEmpty() && !mount.target().equals("/")) {
        if (mount.target().contains("..")) {
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              "mount target \"" + mount.target() + "\" of the root leads out of it");
        }
        place = target + "/" + mount.target();
        FileTree.makeDirectories(place, 0755);
      }
      mountOne(mount, place);
    }
  }

  private static void mountOne(Mount mount, String target) {
    Options options = Options.parse(mount.options());
    try {
      if ((options.flags() & Mounts.BIND) != 0) {
        Mounts.mount(mount.source(), target, "", options.flags() & (Mounts.BIND | Mounts.REC), "");
        long more = options.flags() & ~(Mounts.BIND | Mounts.REC);
        if (more != 0) {
          Mounts.mount("", target, "", Mounts.BIND | Mounts.REMOUNT | more, "");
        }
        return;
      }
      if (options.data().length() <= DATA_LIMIT) {
        Mounts.mount(mount.source(), target, mount.type(), options.flags(), options.data());
      } else {
        mountLong(mount, target, options);
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

  /** An overlay of so many layers that their paths do not fit: descriptors stand for them. */
  private static void mountLong(Mount mount, String target, Options options) {
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
          Fd fd = Fs.open(layer, OpenFlag.PATH);
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

  /** mount(8)'s options: flags of mount(2), and the rest for the file system. */
  record Options(long flags, String data) {
    static Options parse(List<String> options) {
      long flags = 0;
      StringBuilder data = new StringBuilder();
      for (String option : options) {
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
      return new Options(flags, data.toString());
    }
  }
}
