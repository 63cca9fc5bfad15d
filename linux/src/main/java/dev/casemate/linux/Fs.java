package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Files and directories by path or relative to an open directory; what is in them is {@link
 * FileContent}'s and {@link FileTree}'s, and links are made and read by {@link Links}. Every
 * descriptor is opened close-on-exec. Errors are {@link LinuxException}s that name the path.
 */
public final class Fs {
  static final int AT_SYMLINK_NOFOLLOW = 0x100;
  static final int AT_REMOVEDIR = 0x200;
  static final int AT_SYMLINK_FOLLOW = 0x400;
  static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC = 0x7ff;

  private Fs() {}

  /** Opens a path; relative ones start at the working directory. */
  public static Fd open(String path, int flags, int mode) {
    return openAt(Fd.CWD, path, flags, mode);
  }

  public static Fd open(String path, int flags) {
    return openAt(Fd.CWD, path, flags, 0);
  }

  /**
   * Opens a path below an open directory (it may still leave it by {@code ..} or links: see {@link
   * #openIn}).
   */
  public static Fd openAt(Fd directory, String path, int flags, int mode) {
    return openAt(directory.number(), path, flags, mode);
  }

  private static Fd openAt(int directory, String path, int flags, int mode) {
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      while (true) {
        long fd =
            SystemCall.raw(
                SystemCall.OPENAT, directory, p.address(), flags | OpenFlag.CLOSE_ON_EXEC, mode);
        if (fd == -Errno.EINTR) {
          continue;
        }
        return Fd.of((int) SystemCall.check(fd, "open", path));
      }
    }
  }

  /**
   * Opens a path with {@code root} as the root directory of the whole resolution ({@code
   * openat2(2)}, RESOLVE_IN_ROOT, no magic links).
   */
  public static Fd openIn(Fd root, String path, int flags, int mode) {
    return openResolved(
        root, path, flags, mode, OpenFlag.RESOLVE_IN_ROOT | OpenFlag.RESOLVE_NO_MAGICLINKS);
  }

  /** {@code openat2(2)} with the given {@code RESOLVE_} flags. */
  public static Fd openResolved(Fd directory, String path, int flags, int mode, int resolve) {
    try (NativeBuffer p = NativeBuffer.ofString(path);
        NativeBuffer how = NativeBuffer.allocate(24)) {
      how.putLong(0, (flags | OpenFlag.CLOSE_ON_EXEC) & 0xffffffffL)
          .putLong(8, (flags & OpenFlag.CREATE) != 0 ? mode & 0xfff : 0)
          .putLong(16, resolve);
      while (true) {
        long fd =
            SystemCall.raw(
                SystemCall.OPENAT2, directory.number(), p.address(), how.address(), how.size());
        // EAGAIN: a rename raced with the resolution of ".."; the kernel asks for a retry.
        if (fd == -Errno.EINTR || fd == -Errno.EAGAIN) {
          continue;
        }
        return Fd.of((int) SystemCall.check(fd, "openat2", path));
      }
    }
  }

  /**
   * Opens a regular file for reading where others may put something else at the same moment: a
   * FIFO, a device or a directory is never opened.
   *
   * @return empty if it is not a regular file
   */
  public static Optional<Fd> openRegular(String path) {
    return openRegular(Fd.CWD, path, 0);
  }

  /** {@link #openRegular} of an entry itself: a symbolic link is not a regular file. */
  public static Optional<Fd> openRegularAt(Fd directory, String name) {
    return openRegular(directory.number(), name, OpenFlag.NO_FOLLOW);
  }

  private static Optional<Fd> openRegular(int directory, String path, int flags) {
    try (Fd place = openAt(directory, path, OpenFlag.PATH | flags, 0)) {
      return stat(place).isRegular()
          ? Optional.of(open(place.procPath(), OpenFlag.READ_ONLY | OpenFlag.NO_CTTY))
          : Optional.empty();
    }
  }

  private static long call1(int number, String name, String path, long extra, long extra2) {
    try (NativeBuffer p = NativeBuffer.ofString(path)) {
      return SystemCall.check(
          SystemCall.raw(number, Fd.CWD, p.address(), extra, extra2), name, path);
    }
  }

  public static void makeDirectory(String path, int mode) {
    call1(SystemCall.MKDIRAT, "mkdir", path, mode, 0);
  }

  public static void makeDirectoryAt(Fd directory, String name, int mode) {
    try (NativeBuffer p = NativeBuffer.ofString(name)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.MKDIRAT, directory.number(), p.address(), mode), "mkdir", name);
    }
  }

  public static void unlink(String path) {
    call1(SystemCall.UNLINKAT, "unlink", path, 0, 0);
  }

  public static void unlinkIfExists(String path) {
    try {
      unlink(path);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  public static void unlinkAt(Fd directory, String name) {
    unlinkAt(directory, name, 0);
  }

  public static void removeDirectoryAt(Fd directory, String name) {
    unlinkAt(directory, name, AT_REMOVEDIR);
  }

  private static void unlinkAt(Fd directory, String name, int flags) {
    try (NativeBuffer p = NativeBuffer.ofString(name)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.UNLINKAT, directory.number(), p.address(), flags),
          "unlink",
          name);
    }
  }

  public static void removeDirectory(String path) {
    call1(SystemCall.UNLINKAT, "rmdir", path, AT_REMOVEDIR, 0);
  }

  public static void rename(String from, String to) {
    try (NativeBuffer a = NativeBuffer.ofString(from);
        NativeBuffer b = NativeBuffer.ofString(to)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.RENAMEAT2, Fd.CWD, a.address(), Fd.CWD, b.address(), 0),
          "rename",
          from + " to " + to);
    }
  }

  /** {@link #rename} between open directories; links at the ends are renamed, not followed. */
  public static void renameAt(Fd fromDirectory, String from, Fd toDirectory, String to) {
    try (NativeBuffer a = NativeBuffer.ofString(from);
        NativeBuffer b = NativeBuffer.ofString(to)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.RENAMEAT2,
              fromDirectory.number(),
              a.address(),
              toDirectory.number(),
              b.address(),
              0),
          "rename",
          from + " to " + to);
    }
  }

  /** Makes a node: {@code mode} holds the type bits of {@link Stat} and permissions. */
  public static void makeNode(String path, int mode, int major, int minor) {
    call1(SystemCall.MKNODAT, "mknod", path, mode, device(major, minor));
  }

  public static void makeNodeAt(Fd directory, String name, int mode, int major, int minor) {
    try (NativeBuffer p = NativeBuffer.ofString(name)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.MKNODAT, directory.number(), p.address(), mode, device(major, minor)),
          "mknod",
          name);
    }
  }

  public static void makeFifo(String path, int permissions) {
    makeNode(path, Stat.FIFO | permissions, 0, 0);
  }

  /**
   * The kernel's encoding of a device number for system calls (the low 32 bits of {@code
   * new_encode_dev}).
   */
  static long device(int major, int minor) {
    return (minor & 0xffL) | ((major & 0xfffL) << 8) | ((minor & ~0xffL) << 12);
  }

  public static void chmod(String path, int mode) {
    call1(SystemCall.FCHMODAT, "chmod", path, mode, 0);
  }

  public static void chmod(Fd fd, int mode) {
    SystemCall.check(SystemCall.raw(SystemCall.FCHMOD, fd.number(), mode), "fchmod", fd.toString());
  }

  /** Sets permissions of an entry that is known not to be a symbolic link. */
  public static void chmodAt(Fd directory, String name, int mode) {
    try (NativeBuffer p = NativeBuffer.ofString(name)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.FCHMODAT, directory.number(), p.address(), mode),
          "chmod",
          name);
    }
  }

  public static void chown(String path, int uid, int gid) {
    chownAt(Fd.CWD, path, uid, gid, 0);
  }

  /** Sets the owner of an entry itself, also if it is a symbolic link; −1 leaves an id as it is. */
  public static void chownAt(Fd directory, String name, int uid, int gid) {
    chownAt(directory.number(), name, uid, gid, AT_SYMLINK_NOFOLLOW);
  }

  public static void chown(Fd fd, int uid, int gid) {
    chownAt(fd.number(), "", uid, gid, AT_EMPTY_PATH);
  }

  private static void chownAt(int directory, String name, int uid, int gid, int flags) {
    try (NativeBuffer p = NativeBuffer.ofString(name)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.FCHOWNAT,
              directory,
              p.address(),
              uid & 0xffffffffL,
              gid & 0xffffffffL,
              flags),
          "chown",
          name);
    }
  }

  /** Sets access and modification time of an entry itself. */
  public static void setTimesAt(Fd directory, String name, long seconds, int nanos) {
    try (NativeBuffer p = NativeBuffer.ofString(name);
        NativeBuffer times = NativeBuffer.allocate(32)) {
      times.putLong(0, seconds).putLong(8, nanos).putLong(16, seconds).putLong(24, nanos);
      SystemCall.check(
          SystemCall.raw(
              SystemCall.UTIMENSAT,
              directory.number(),
              p.address(),
              times.address(),
              AT_SYMLINK_NOFOLLOW),
          "utimensat",
          name);
    }
  }

  public static Stat stat(String path) {
    return statAt(Fd.CWD, path, 0);
  }

  /** Stat that does not follow a symbolic link at the end of the path. */
  public static Stat lstat(String path) {
    return statAt(Fd.CWD, path, AT_SYMLINK_NOFOLLOW);
  }

  public static Stat stat(Fd fd) {
    return statAt(fd.number(), "", AT_EMPTY_PATH);
  }

  public static Stat lstatAt(Fd directory, String name) {
    return statAt(directory.number(), name, AT_SYMLINK_NOFOLLOW);
  }

  public static Optional<Stat> statIfExists(String path) {
    try {
      return Optional.of(stat(path));
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
        return Optional.empty();
      }
      throw e;
    }
  }

  public static boolean exists(String path) {
    return statIfExists(path).isPresent();
  }

  private static Stat statAt(int directory, String path, int flags) {
    try (NativeBuffer p = NativeBuffer.ofString(path);
        NativeBuffer s = NativeBuffer.allocate(256)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.STATX, directory, p.address(), flags, STATX_BASIC, s.address()),
          "stat",
          path.isEmpty() ? "fd " + directory : path);
      return new Stat(
          s.getShort(28) & 0xffff,
          s.getInt(20),
          s.getInt(24),
          s.getLong(40),
          s.getLong(32),
          s.getInt(16),
          s.getInt(128),
          s.getInt(132),
          s.getInt(136),
          s.getInt(140),
          s.getLong(112),
          s.getInt(120),
          s.getLong(96),
          s.getInt(104),
          s.getLong(48));
    }
  }

  /** Names in a directory, without {@code .} and {@code ..}, unsorted. */
  public static List<String> list(String path) {
    try (Fd directory = open(path, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY)) {
      return list(directory);
    }
  }

  /** Names in an open directory that has not been read yet. */
  public static List<String> list(Fd directory) {
    List<String> names = new ArrayList<>();
    try (NativeBuffer entries = NativeBuffer.allocate(32 * 1024)) {
      for (long n = read(directory, entries); n > 0; n = read(directory, entries)) {
        for (int at = 0; at < n; at += entries.getShort(at + 16) & 0xffff) {
          String name = entries.string(at + 19);
          if (!name.equals(".") && !name.equals("..")) {
            names.add(name);
          }
        }
      }
    }
    return names;
  }

  /** How many names {@link #list(Fd)} has, without the memory for them. */
  public static long count(Fd directory) {
    long count = 0;
    try (NativeBuffer entries = NativeBuffer.allocate(32 * 1024)) {
      for (long n = read(directory, entries); n > 0; n = read(directory, entries)) {
        for (int at = 0; at < n; at += entries.getShort(at + 16) & 0xffff) {
          count++;
        }
      }
    }
    return count - 2;
  }

  private static long read(Fd directory, NativeBuffer entries) {
    return SystemCall.check(
        SystemCall.raw(
            SystemCall.GETDENTS64, directory.number(), entries.address(), entries.size()),
        "getdents64",
        directory.toString());
  }

  /**
   * Takes or tries an advisory whole-file lock ({@code flock(2)}); it is released with the
   * descriptor.
   *
   * @return whether the lock is held; always true when {@code wait}
   */
  public static boolean lock(Fd fd, boolean exclusive, boolean wait) {
    int operation = (exclusive ? 2 : 1) | (wait ? 0 : 4);
    while (true) {
      long r = SystemCall.raw(SystemCall.FLOCK, fd.number(), operation);
      if (r == -Errno.EINTR) {
        continue;
      }
      if (r == -Errno.EAGAIN) {
        return false;
      }
      SystemCall.check(r, "flock", fd.toString());
      return true;
    }
  }
}
