package dev.casemate.cgroup;

import dev.casemate.linux.FileContent;

/** A cpuset takes processes only once it has CPUs and memory nodes; a new one has none. */
final class CgroupV1Cpuset {
  private static final int FILE_LIMIT = 64 * 1024;

  private CgroupV1Cpuset() {}

  /** Gives a group, and those above it that have none, what the next one above has. */
  static void inherit(String mount, String path) {
    for (String file : new String[] {"/cpuset.cpus", "/cpuset.mems"}) {
      inherit(mount, path, file);
    }
  }

  private static String inherit(String mount, String path, String file) {
    String own = FileContent.readString(mount + path + file, FILE_LIMIT).strip();
    if (own.isEmpty() && !path.isEmpty()) {
      int slash = path.lastIndexOf('/');
      own = inherit(mount, path.substring(0, Math.max(0, slash)), file);
      FileContent.writeControl(mount + path + file, own);
    }
    return own;
  }
}
