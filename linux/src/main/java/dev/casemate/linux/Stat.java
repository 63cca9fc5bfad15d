package dev.casemate.linux;

/**
 * The result of {@code statx(2)} for a file.
 *
 * @param mode type and permission bits, {@code st_mode}
 * @param size bytes
 * @param deviceMajor major number of the device that a device node refers to
 * @param mtimeSeconds modification time, seconds since the epoch
 * @param ctimeSeconds last change of content or attributes, which no program can set
 * @param blocks 512-byte blocks that are allocated
 */
public record Stat(
    int mode,
    int uid,
    int gid,
    long size,
    long inode,
    int links,
    int deviceMajor,
    int deviceMinor,
    int filesystemMajor,
    int filesystemMinor,
    long mtimeSeconds,
    int mtimeNanos,
    long ctimeSeconds,
    int ctimeNanos,
    long blocks) {
  public static final int TYPE_MASK = 0xf000;
  public static final int FIFO = 0x1000;
  public static final int CHARACTER = 0x2000;
  public static final int DIRECTORY = 0x4000;
  public static final int BLOCK = 0x6000;
  public static final int REGULAR = 0x8000;
  public static final int SYMLINK = 0xa000;
  public static final int SOCKET = 0xc000;

  public int type() {
    return mode & TYPE_MASK;
  }

  public boolean isDirectory() {
    return type() == DIRECTORY;
  }

  public boolean isRegular() {
    return type() == REGULAR;
  }

  public boolean isSymlink() {
    return type() == SYMLINK;
  }

  /** Permission bits with set-id and sticky bits, {@code mode & 07777}. */
  public int permissions() {
    return mode & 0xfff;
  }
}
