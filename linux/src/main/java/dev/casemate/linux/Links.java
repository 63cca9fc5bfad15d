package dev.casemate.linux;

import java.nio.charset.StandardCharsets;

/**
 * Symbolic and hard links, by path or relative to an open directory. Errors are {@link
 * LinuxException}s that name the link.
 */
public final class Links {
  private Links() {}

  /** Makes a symbolic link at {@code path}, which must not exist, with the text {@code target}. */
  public static void symlink(String target, String path) {
    symlinkAt(target, Fd.CWD, path);
  }

  /** {@link #symlink} of an entry of an open directory. */
  public static void symlinkAt(String target, Fd directory, String name) {
    symlinkAt(target, directory.number(), name);
  }

  private static void symlinkAt(String target, int directory, String name) {
    try (NativeBuffer t = NativeBuffer.ofString(target);
        NativeBuffer p = NativeBuffer.ofString(name)) {
      SystemCall.check(
          SystemCall.raw(SystemCall.SYMLINKAT, t.address(), directory, p.address()),
          "symlink",
          name);
    }
  }

  /** Makes a hard link to {@code fromName} (not followed if it is a symbolic link). */
  public static void linkAt(Fd fromDirectory, String fromName, Fd toDirectory, String toName) {
    try (NativeBuffer a = NativeBuffer.ofString(fromName);
        NativeBuffer b = NativeBuffer.ofString(toName)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.LINKAT,
              fromDirectory.number(),
              a.address(),
              toDirectory.number(),
              b.address(),
              0),
          "link",
          fromName + " to " + toName);
    }
  }

  /** Returns the text of a symbolic link, at most 4,096 bytes of it, without following it. */
  public static String readLink(String path) {
    return readLinkAt(Fd.CWD, path);
  }

  /** {@link #readLink} of an entry of an open directory. */
  public static String readLinkAt(Fd directory, String name) {
    return readLinkAt(directory.number(), name);
  }

  private static String readLinkAt(int directory, String name) {
    try (NativeBuffer p = NativeBuffer.ofString(name);
        NativeBuffer target = NativeBuffer.allocate(4096)) {
      long n =
          SystemCall.check(
              SystemCall.raw(
                  SystemCall.READLINKAT, directory, p.address(), target.address(), target.size()),
              "readlink",
              name);
      return new String(target.bytes(0, (int) n), StandardCharsets.UTF_8);
    }
  }
}
