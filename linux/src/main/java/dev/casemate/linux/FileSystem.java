package dev.casemate.linux;

/**
 * The file system that a path is on, as {@code statfs(2)} describes it.
 *
 * @param type its magic number ({@code linux/magic.h})
 * @param blockBytes the size of a block; for hugetlbfs the size of its pages
 * @param sizeBytes the size of all of it
 * @param freeBytes what an unprivileged process may still use
 */
public record FileSystem(long type, long blockBytes, long sizeBytes, long freeBytes) {
  /**
   * Asks the kernel for the file system of a path; a symbolic link at its end is followed.
   *
   * @throws LinuxException that names the path
   */
  public static FileSystem of(String path) {
    try (NativeBuffer p = NativeBuffer.ofString(path);
        NativeBuffer s = NativeBuffer.allocate(128)) {
      SystemCall.check(SystemCall.raw(SystemCall.STATFS, p.address(), s.address()), "statfs", path);
      long block = s.getLong(8);
      return new FileSystem(s.getLong(0), block, s.getLong(16) * block, s.getLong(32) * block);
    }
  }
}
