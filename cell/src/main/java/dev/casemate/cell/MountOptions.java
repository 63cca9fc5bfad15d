package dev.casemate.cell;

import dev.casemate.linux.Mounts;
import dev.casemate.linux.NewMount;
import dev.casemate.oci.MountSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * The words of a mount's options, sorted by what they do (mount(8), runtime-spec config.md "Linux
 * mount options").
 */
final class MountOptions {
  /** Attributes of this mount, and of it and all mounts below (the words with an r). */
  long set;

  long clear;
  long recursiveSet;
  long recursiveClear;

  /** The words of this mount's access times that are in force: {@code MS_} flags (mount(2)). */
  private int times;

  /** One of {@link Mounts#PRIVATE} …, 0 for none. */
  long propagation;

  boolean propagationRecursive;
  boolean bind;
  boolean bindRecursive;
  boolean remount;
  boolean copyUp;
  boolean idMapRecursive;

  /** Whether the source or the destination may not be a symbolic link. */
  boolean sourceNoFollow;

  boolean destinationNoFollow;

  /** The options that the file system itself gets. */
  final List<String> filesystem = new ArrayList<>();

  private static final int MS_NOATIME = 1 << 10;
  private static final int MS_NODIRATIME = 1 << 11;
  private static final int MS_RELATIME = 1 << 21;
  private static final int MS_STRICTATIME = 1 << 24;

  private MountOptions() {}

  static MountOptions parse(MountSpec mount) {
    MountOptions result = new MountOptions();
    result.bind = mount.type().equals("bind");
    for (String word : mount.options()) {
      result.time(word);
      if (!result.attribute(word) && !result.behaviour(word)) {
        result.filesystem.add(word);
      }
    }
    return result;
  }

  private void time(String word) {
    switch (word) {
      case "noatime" -> times |= MS_NOATIME;
      case "atime" -> times &= ~MS_NOATIME;
      case "nodiratime" -> times |= MS_NODIRATIME;
      case "diratime" -> times &= ~MS_NODIRATIME;
      case "relatime" -> times |= MS_RELATIME;
      case "norelatime" -> times &= ~MS_RELATIME;
      case "strictatime" -> times |= MS_STRICTATIME;
      case "nostrictatime" -> times &= ~MS_STRICTATIME;
      default -> {}
    }
  }

  /**
   * Whether access times are to be other than the source's: a bind's are its source's until a word
   * asks for a kind. Taking one back asks for none, as for mount(8).
   */
  boolean changesTimes() {
    return times != 0;
  }

  /** What mount(2) makes of the words: {@code ATTR_} flags. */
  long times() {
    long kind =
        (times & MS_STRICTATIME) != 0
            ? NewMount.ATTR_STRICTATIME
            : (times & MS_NOATIME) != 0 ? NewMount.ATTR_NOATIME : NewMount.ATTR_RELATIME;
    return kind | ((times & MS_NODIRATIME) != 0 ? NewMount.ATTR_NODIRATIME : 0);
  }

  /** Words that are bits of a mount. */
  private boolean attribute(String word) {
    String plain = word;
    boolean recursive = false;
    switch (word) {
      case "rro",
          "rrw",
          "rsuid",
          "rnosuid",
          "rdev",
          "rnodev",
          "rexec",
          "rnoexec",
          "rdiratime",
          "rnodiratime",
          "rrelatime",
          "rnorelatime",
          "rnoatime",
          "ratime",
          "rstrictatime",
          "rnostrictatime",
          "rsymfollow",
          "rnosymfollow" -> {
        plain = word.substring(1);
        recursive = true;
      }
      default -> {}
    }
    switch (plain) {
      case "ro" -> add(recursive, NewMount.ATTR_RDONLY);
      case "rw" -> remove(recursive, NewMount.ATTR_RDONLY);
      case "nosuid" -> add(recursive, NewMount.ATTR_NOSUID);
      case "suid" -> remove(recursive, NewMount.ATTR_NOSUID);
      case "nodev" -> add(recursive, NewMount.ATTR_NODEV);
      case "dev" -> remove(recursive, NewMount.ATTR_NODEV);
      case "noexec" -> add(recursive, NewMount.ATTR_NOEXEC);
      case "exec" -> remove(recursive, NewMount.ATTR_NOEXEC);
      case "nodiratime" -> add(recursive, NewMount.ATTR_NODIRATIME);
      case "diratime" -> remove(recursive, NewMount.ATTR_NODIRATIME);
      case "nosymfollow" -> add(recursive, NewMount.ATTR_NOSYMFOLLOW);
      case "symfollow" -> remove(recursive, NewMount.ATTR_NOSYMFOLLOW);
      case "noatime" -> accessTime(recursive, NewMount.ATTR_NOATIME);
      case "strictatime", "norelatime" -> accessTime(recursive, NewMount.ATTR_STRICTATIME);
      case "relatime", "atime", "nostrictatime" -> accessTime(recursive, NewMount.ATTR_RELATIME);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void add(boolean recursive, long bits) {
    if (recursive) {
      recursiveSet |= bits;
      recursiveClear &= ~bits;
    } else {
      set |= bits;
      clear &= ~bits;
    }
  }

  private void remove(boolean recursive, long bits) {
    if (recursive) {
      recursiveClear |= bits;
      recursiveSet &= ~bits;
    } else {
      clear |= bits;
      set &= ~bits;
    }
  }

  /** The kinds of access time exclude each other: the kernel wants the whole field cleared. */
  private void accessTime(boolean recursive, long kind) {
    remove(recursive, NewMount.ATTR_ATIME);
    if (recursive) {
      recursiveSet |= kind;
    } else {
      set |= kind;
    }
  }

  /** Words that say how to mount, or nothing. */
  private boolean behaviour(String word) {
    switch (word) {
      case "bind" -> bind = true;
      case "rbind" -> {
        bind = true;
        bindRecursive = true;
      }
      case "remount" -> remount = true;
      case "private" -> propagate(Mounts.PRIVATE, false);
      case "rprivate" -> propagate(Mounts.PRIVATE, true);
      case "slave" -> propagate(Mounts.SLAVE, false);
      case "rslave" -> propagate(Mounts.SLAVE, true);
      case "shared" -> propagate(Mounts.SHARED, false);
      case "rshared" -> propagate(Mounts.SHARED, true);
      case "unbindable" -> propagate(Mounts.UNBINDABLE, false);
      case "runbindable" -> propagate(Mounts.UNBINDABLE, true);
      case "tmpcopyup" -> copyUp = true;
      case "idmap" -> idMapRecursive = false;
      case "ridmap" -> idMapRecursive = true;
      case "src-nofollow" -> sourceNoFollow = true;
      case "dest-nofollow" -> destinationNoFollow = true;
      // The mount calls by descriptor know neither; they are no options of a file system.
      case "silent",
          "loud",
          "defaults",
          "iversion",
          "noiversion",
          "nofail",
          "auto",
          "noauto",
          "user",
          "nouser",
          "users",
          "owner",
          "group",
          "_netdev" -> {}
      default -> {
        return word.isEmpty() || word.startsWith("x-") || word.startsWith("X-");
      }
    }
    return true;
  }

  private void propagate(long flag, boolean recursive) {
    propagation = flag;
    propagationRecursive = recursive;
  }

  /** Whether the file system gets an option of this name. */
  boolean has(String name) {
    for (String option : filesystem) {
      if (option.equals(name) || option.startsWith(name + "=")) {
        return true;
      }
    }
    return false;
  }
}
