package dev.casemate.agent;

import dev.casemate.linux.Mounts;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Words of mount(8) as {@code mount(2)} takes them.
 *
 * @param flags {@code MS_} bits
 * @param data what the file system itself is to interpret
 */
record MountOptions(long flags, String data) {
  /** The kernel takes one page of data. */
  private static final int DATA_LIMIT = 4095;

  static MountOptions parse(List<String> options) {
    long flags = 0;
    List<String> data = new ArrayList<>();
    for (String option : options) {
      Optional<Long> set = flag(option);
      if (set.isPresent()) {
        flags |= set.get();
        continue;
      }
      Optional<Long> cleared = clearedFlag(option);
      if (cleared.isPresent()) {
        flags &= ~cleared.get();
      } else if (!isForUserSpace(option)) {
        data.add(option);
      }
    }
    String text = String.join(",", data);
    if (text.length() > DATA_LIMIT) {
      throw Failures.invalid(
          "mount options have "
              + text.length()
              + " characters, the kernel accepts "
              + DATA_LIMIT
              + "; use fewer layers or shorter paths");
    }
    return new MountOptions(flags, text);
  }

  /** The value of the last {@code name=value}; empty if there is none. */
  static Optional<String> value(List<String> options, String name) {
    Optional<String> found = Optional.empty();
    for (String option : options) {
      if (option.startsWith(name) && option.startsWith("=", name.length())) {
        found = Optional.of(option.substring(name.length() + 1));
      }
    }
    return found;
  }

  private static Optional<Long> flag(String option) {
    long flag =
        switch (option) {
          case "ro" -> Mounts.RDONLY;
          case "nosuid" -> Mounts.NOSUID;
          case "nodev" -> Mounts.NODEV;
          case "noexec" -> Mounts.NOEXEC;
          case "sync" -> Mounts.SYNCHRONOUS;
          case "dirsync" -> Mounts.DIRSYNC;
          case "noatime" -> Mounts.NOATIME;
          case "nodiratime" -> Mounts.NODIRATIME;
          case "relatime" -> Mounts.RELATIME;
          case "strictatime" -> Mounts.STRICTATIME;
          case "lazytime" -> Mounts.LAZYTIME;
          case "nosymfollow" -> Mounts.NOSYMFOLLOW;
          case "mand" -> Mounts.MANDLOCK;
          case "remount" -> Mounts.REMOUNT;
          case "silent" -> Mounts.SILENT;
          case "bind" -> Mounts.BIND;
          case "rbind" -> Mounts.BIND | Mounts.REC;
          default -> 0;
        };
    return flag == 0 ? Optional.empty() : Optional.of(flag);
  }

  private static Optional<Long> clearedFlag(String option) {
    long flag =
        switch (option) {
          case "rw" -> Mounts.RDONLY;
          case "suid" -> Mounts.NOSUID;
          case "dev" -> Mounts.NODEV;
          case "exec" -> Mounts.NOEXEC;
          case "async" -> Mounts.SYNCHRONOUS;
          case "atime" -> Mounts.NOATIME;
          case "diratime" -> Mounts.NODIRATIME;
          case "norelatime" -> Mounts.RELATIME;
          case "nostrictatime" -> Mounts.STRICTATIME;
          case "nolazytime" -> Mounts.LAZYTIME;
          case "symfollow" -> Mounts.NOSYMFOLLOW;
          case "nomand" -> Mounts.MANDLOCK;
          case "loud" -> Mounts.SILENT;
          default -> 0;
        };
    return flag == 0 ? Optional.empty() : Optional.of(flag);
  }

  private static boolean isForUserSpace(String option) {
    return option.isEmpty()
        || option.equals("defaults")
        || option.equals("auto")
        || option.equals("noauto")
        || option.equals("user")
        || option.equals("nofail")
        || option.equals("_netdev")
        || option.startsWith("x-");
  }
}
