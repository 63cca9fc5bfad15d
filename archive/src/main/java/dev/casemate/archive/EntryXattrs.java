package dev.casemate.archive;

import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.NativeBuffer;
import dev.casemate.linux.SystemCall;
import dev.casemate.linux.Xattr;
import java.util.Map;

/** Sets the extended attributes of an entry on what was made of it. */
final class EntryXattrs {
  private EntryXattrs() {}

  /** On an open file or directory. */
  static void set(TarEntry entry, Fd fd) {
    for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
      set(fd, xattr.getKey(), xattr.getValue());
    }
  }

  private static void set(Fd fd, String name, byte[] value) {
    try {
      Xattr.set(fd, name, value);
    } catch (LinuxException e) {
      if (!isOptional(name, e.errno())) {
        throw e;
      }
    }
  }

  /**
   * File systems without user or trusted attributes, kernels without SELinux: as in containerd,
   * such an attribute is left out. Capabilities are not: a program would lack rights that it was
   * given.
   */
  private static boolean isOptional(String name, int errno) {
    return errno == Errno.EOPNOTSUPP
        || (errno == Errno.EPERM && (name.startsWith("user.") || name.startsWith("trusted.")));
  }

  /** Attributes of links and nodes: {@code lsetxattr} by way of the directory's descriptor. */
  static void setAt(TarEntry entry, Fd directory, String name) {
    for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
      try (NativeBuffer path = NativeBuffer.ofString(directory.procPath() + "/" + name);
          NativeBuffer key = NativeBuffer.ofString(xattr.getKey());
          NativeBuffer value = NativeBuffer.of(xattr.getValue())) {
        long result =
            SystemCall.raw(
                SystemCall.LSETXATTR,
                path.address(),
                key.address(),
                value.address(),
                value.size(),
                0);
        if (!isOptional(xattr.getKey(), (int) -result)) {
          SystemCall.check(result, "lsetxattr", xattr.getKey());
        }
      }
    }
  }
}
