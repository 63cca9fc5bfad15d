package dev.casemate.sandbox;

import dev.casemate.linux.FileSystem;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Stat;
import java.util.Optional;

/** What a bind mount of the host's is, told by where it lies and what is there. */
enum VolumeKind {
  /** A pod's {@code /dev/shm}. */
  SHARED_MEMORY,
  BLOCK_DEVICE,
  /** Part of what every kernel shows of itself: the guest's is meant. */
  GUESTS_OWN,
  /** An {@code emptyDir} of medium Memory. */
  MEMORY,
  /** An {@code emptyDir} of medium HugePages. */
  HUGE_PAGES,
  /** What kubelet updates while containers run. */
  FOLLOWED,
  /** What an engine gives to every container, such as {@code /etc/hosts}. */
  COPIED,
  /** Any other file or directory. */
  SHARED;

  private static final long TMPFS_MAGIC = 0x01021994L;
  private static final long HUGETLBFS_MAGIC = 0x958458f6L;
  private static final String KUBELET = "/kubernetes.io~";

  static VolumeKind of(String source, String destination) {
    if (destination.equals("/dev/shm")) {
      return SHARED_MEMORY;
    }
    Optional<Stat> stat = Fs.statIfExists(source);
    if (stat.isPresent() && stat.get().type() == Stat.BLOCK) {
      return BLOCK_DEVICE;
    }
    if (isBelow(source, "/dev") || isBelow(source, "/proc") || isBelow(source, "/sys")) {
      return GUESTS_OWN;
    }
    if (stat.isPresent() && stat.get().isRegular() && FileCopies.isPlace(destination)) {
      return COPIED;
    }
    if (stat.isEmpty() || !stat.get().isDirectory()) {
      return SHARED;
    }
    int at = source.lastIndexOf(KUBELET);
    if (at < 0) {
      return SHARED;
    }
    String plugin = source.substring(at + KUBELET.length());
    int slash = plugin.indexOf('/');
    // Only a volume itself; subPath leads elsewhere and does not follow.
    if (slash < 0 || plugin.indexOf('/', slash + 1) >= 0) {
      return SHARED;
    }
    return switch (plugin.substring(0, slash)) {
      case "empty-dir" -> {
        long magic = FileSystem.of(source).type();
        yield magic == TMPFS_MAGIC && isMountPoint(source, stat.get())
            ? MEMORY
            : magic == HUGETLBFS_MAGIC ? HUGE_PAGES : SHARED;
      }
      case "secret", "configmap", "projected", "downward-api" -> FOLLOWED;
      default -> SHARED;
    };
  }

  /** Whether it is a file or directory that lies on the host, at whatever place. */
  boolean isOfHost() {
    return this == SHARED || this == COPIED || this == FOLLOWED || this == MEMORY;
  }

  /**
   * Whether a node lies where the host's own device nodes are. One anywhere else may have been made
   * by a guest, in a volume that it can write, to be given the disk of that number.
   */
  static boolean isHostDevice(Stat node) {
    Stat devices = Fs.stat("/dev");
    return node.filesystemMajor() == devices.filesystemMajor()
        && node.filesystemMinor() == devices.filesystemMinor();
  }

  static boolean isTmpfs(String path) {
    return FileSystem.of(path).type() == TMPFS_MAGIC;
  }

  private static boolean isBelow(String path, String directory) {
    return path.equals(directory) || path.startsWith(directory + "/");
  }

  /** A whole kubelet directory may lie on a tmpfs. */
  private static boolean isMountPoint(String path, Stat stat) {
    Stat parent = Fs.stat(path + "/..");
    return parent.filesystemMajor() != stat.filesystemMajor()
        || parent.filesystemMinor() != stat.filesystemMinor();
  }
}
