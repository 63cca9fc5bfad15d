package dev.casemate.agent;

import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.protocol.agent.FSGroup;
import dev.casemate.protocol.types.FSGroupChangePolicy;

/** Gives a volume's files to a group that may then use them (Kubernetes' fsGroup). */
final class GroupOwnership {
  private static final int MAX_DEPTH = 256;
  private static final int SET_GID = 02000;

  private GroupOwnership() {}

  static void apply(String path, FSGroup group, boolean readOnly) {
    if (group.groupId() == 0) {
      return;
    }
    try (Fd root = Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW)) {
      Stat stat = Fs.stat(root);
      boolean fits =
          stat.gid() == group.groupId()
              && (stat.permissions() & mask(true, readOnly)) == mask(true, readOnly);
      if (group.groupChangePolicy() == FSGroupChangePolicy.ON_ROOT_MISMATCH && fits) {
        return;
      }
      directory(root, group.groupId(), readOnly, 0);
    }
  }

  private static int mask(boolean directory, boolean readOnly) {
    int access = readOnly ? 0440 : 0660;
    return directory ? access | 0110 | SET_GID : access;
  }

  private static void directory(Fd fd, int gid, boolean readOnly, int depth) {
    Stat stat = Fs.stat(fd);
    Fs.chown(fd, -1, gid);
    Fs.chmod(fd, stat.permissions() | mask(true, readOnly));
    if (depth >= MAX_DEPTH) {
      throw Failures.precondition("a volume has more than " + MAX_DEPTH + " levels of directories");
    }
    for (String name : Fs.list(fd)) {
      Stat child = Fs.lstatAt(fd, name);
      if (child.isDirectory()) {
        try (Fd below =
            Fs.openAt(fd, name, OpenFlag.READ_ONLY | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW, 0)) {
          directory(below, gid, readOnly, depth + 1);
        }
      } else {
        Fs.chownAt(fd, name, -1, gid);
        if (child.isRegular()) {
          Fs.chmodAt(fd, name, child.permissions() | mask(false, readOnly));
        }
      }
    }
  }
}
