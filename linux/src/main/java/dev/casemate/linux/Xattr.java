package dev.casemate.linux;

import java.util.ArrayList;
import java.util.List;

/** Extended attributes, through descriptors only: a path could be swapped between two calls. */
public final class Xattr {
  private static final int LIMIT = 64 * 1024;

  private Xattr() {}

  /** Names of a file's attributes; empty where the file system has none. */
  public static List<String> list(Fd fd) {
    try (NativeBuffer names = NativeBuffer.allocate(LIMIT);
        NativeBuffer path = NativeBuffer.ofString(fd.procPath())) {
      long n = SystemCall.raw(SystemCall.FLISTXATTR, fd.number(), names.address(), LIMIT);
      if (n == -Errno.EBADF) {
        // An O_PATH descriptor: go by /proc, which follows to the file itself.
        n = SystemCall.raw(194, path.address(), names.address(), LIMIT);
      }
      if (n == -Errno.EOPNOTSUPP) {
        return List.of();
      }
      SystemCall.check(n, "flistxattr", fd.toString());
      List<String> result = new ArrayList<>();
      for (int at = 0; at < n; ) {
        String name = names.string(at);
        result.add(name);
        at += name.getBytes(java.nio.charset.StandardCharsets.UTF_8).length + 1;
      }
      return result;
    }
  }

  public static byte[] get(Fd fd, String name) {
    try (NativeBuffer n = NativeBuffer.ofString(name);
        NativeBuffer path = NativeBuffer.ofString(fd.procPath());
        NativeBuffer value = NativeBuffer.allocate(LIMIT)) {
      long size =
          SystemCall.raw(SystemCall.GETXATTR, path.address(), n.address(), value.address(), LIMIT);
      SystemCall.check(size, "getxattr", name);
      return value.bytes(0, (int) size);
    }
  }

  /** Sets an attribute; works on an O_PATH descriptor of anything but a symbolic link. */
  public static void set(Fd fd, String name, byte[] value) {
    try (NativeBuffer n = NativeBuffer.ofString(name);
        NativeBuffer path = NativeBuffer.ofString(fd.procPath());
        NativeBuffer v = NativeBuffer.of(value)) {
      SystemCall.check(
          SystemCall.raw(
              SystemCall.SETXATTR, path.address(), n.address(), v.address(), value.length, 0),
          "setxattr",
          name);
    }
  }
}
