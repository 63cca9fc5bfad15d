package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;

/** {@code mount(2)} and its newer kin. */
public final class Mounts {
  public static final long RDONLY = 1;
  public static final long NOSUID = 2;
  public static final long NODEV = 4;
  public static final long NOEXEC = 8;
  public static final long SYNCHRONOUS = 16;
  public static final long REMOUNT = 32;
  public static final long MANDLOCK = 64;
  public static final long DIRSYNC = 128;
  public static final long NOSYMFOLLOW = 256;
  public static final long NOATIME = 1024;
  public static final long NODIRATIME = 2048;
  public static final long BIND = 4096;
  public static final long MOVE = 8192;
  public static final long REC = 16384;
  public static final long SILENT = 32768;
  public static final long UNBINDABLE = 1L << 17;
  public static final long PRIVATE = 1L << 18;
  public static final long SLAVE = 1L << 19;
  public static final long SHARED = 1L << 20;
  public static final long RELATIME = 1L << 21;
  public static final long STRICTATIME = 1L << 24;
  public static final long LAZYTIME = 1L << 25;

  /** {@code umount2(2)}: detach now, clean up when no longer busy. */
  public static final int DETACH = 2;

  public static final int UMOUNT_NOFOLLOW = 8;

  public static final int OPEN_TREE_CLONE = 1;
  public static final int AT_RECURSIVE = 0x8000;
  private static final int MOVE_MOUNT_F_EMPTY_PATH = 4;
  private static final int MOVE_MOUNT_T_EMPTY_PATH = 0x40;

  private Mounts() {}

  /** {@code mount(2)}; empty strings stand for absent arguments. */
  public static void mount(String source, String target, String fstype, long flags, String data) {
    try (NativeBuffer s = NativeBuffer.ofString(source);
        NativeBuffer t = NativeBuffer.ofString(target);
        NativeBuffer f = NativeBuffer.ofString(fstype);
        NativeBuffer d = NativeBuffer.ofString(data)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.MOUNT,
              source.isEmpty() ? 0 : s.address(),
              t.address(),
              fstype.isEmpty() ? 0 : f.address(),
              flags,
              data.isEmpty() ? 0 : d.address()),
          "mount",
          (fstype.isEmpty() ? "" : fstype + " ") + source + " on " + target);
    }
  }

  public static void unmount(String target, int flags) {
    try (NativeBuffer t = NativeBuffer.ofString(target)) {
      SystemCall.check(SystemCall.raw(SystemCall.UMOUNT2, t.address(), flags), "umount", target);
    }
  }

  public static void pivotRoot(String newRoot, String putOld) {
    try (NativeBuffer n = NativeBuffer.ofString(newRoot);
        NativeBuffer o = NativeBuffer.ofString(putOld)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.PIVOT_ROOT, n.address(), o.address()), "pivot_root", newRoot);
    }
  }

  /**
   * A detached copy of the mount at {@code path} below {@code directory}; empty path: of the
   * descriptor itself.
   */
  public static Fd openTree(Fd directory, String path, int flags) {
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      long fd =
          SystemCall.raw(
              SystemCall.OPEN_TREE,
              directory.number(),
              p.address(),
              flags | OpenFlag.CLOSE_ON_EXEC | (path.isEmpty() ? Fs.AT_EMPTY_PATH : 0));
      return Fd.of((int) SystemCall.check(fd, "open_tree", path));
    }
  }

  /** Attaches the mount {@code tree} on what {@code target} refers to. */
  public static void moveMount(Fd tree, Fd target) {
    try (NativeBuffer empty = NativeBuffer.ofString("")) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.MOVE_MOUNT,
              tree.number(),
              empty.address(),
              target.number(),
              empty.address(),
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
          "move_mount",
          target.toString());
    }
  }

  /**
   * {@code mount_setattr(2)} on a mount's descriptor.
   *
   * @param userNamespace descriptor number for an id-mapped mount, or 0
   */
  public static void setAttributes(
      Fd mount, boolean recursive, long set, long clear, long propagation, int userNamespace) {
    try (NativeBuffer empty = NativeBuffer.ofString("");
        NativeBuffer attributes = NativeBuffer.allocate(32)) {
      attributes
          .putLong(0, set)
          .putLong(8, clear)
          .putLong(16, propagation)
          .putLong(24, userNamespace);
      SystemCall.check(
          SystemCall.raw(
              SystemCall.MOUNT_SETATTR,
              mount.number(),
              empty.address(),
              Fs.AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
              attributes.address(),
              attributes.size()),
          "mount_setattr",
          mount.toString());
    }
  }

  /**
   * A line of {@code /proc/<pid>/mountinfo} (proc(5)).
   *
   * @param optional propagation tags, {@code shared:1}
   */
  public record Info(
      String root, String target, String options, String optional, String fstype, String source) {}

  /** This process's mounts, in mount order. */
  public static List<Info> list() {
    return parse(FileContent.readString("/proc/self/mountinfo", 16 << 20));
  }

  /** The calling thread's mounts, which may be in another namespace than the process. */
  public static List<Info> listOfThread() {
    return parse(FileContent.readString("/proc/thread-self/mountinfo", 16 << 20));
  }

  /** The mounts that another process sees. */
  public static List<Info> list(int pid) {
    return parse(FileContent.readString("/proc/" + pid + "/mountinfo", 16 << 20));
  }

  static List<Info> parse(String mountinfo) {
    List<Info> mounts = new ArrayList<>();
    for (String line : Text.split(mountinfo, '\n')) {
      List<String> fields = Text.split(line, ' ');
      int dash = fields.indexOf("-");
      if (dash < 6 || fields.size() < dash + 3) {
        continue;
      }
      mounts.add(
          new Info(
              unescape(fields.get(3)),
              unescape(fields.get(4)),
              fields.get(5),
              String.join(" ", fields.subList(6, dash)),
              fields.get(dash + 1),
              unescape(fields.get(dash + 2))));
    }
    return mounts;
  }

  private static boolean isOctal(String text, int at) {
    for (int i = at; i < at + 3; i++) {
      if (i >= text.length() || text.charAt(i) < '0' || text.charAt(i) > '7') {
        return false;
      }
    }
    return true;
  }

  /** The kernel writes blank, tab, newline and backslash as three octal digits. */
  private static String unescape(String text) {
    int backslash = text.indexOf('\\');
    if (backslash < 0) {
      return text;
    }
    StringBuilder plain = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && isOctal(text, i + 1)) {
        plain.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        plain.append(c);
      }
    }
    return plain.toString();
  }
}
