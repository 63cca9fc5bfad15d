package dev.casemate.linux;

import java.util.List;

/** User and group ids of the calling thread (credentials(7)); ids are unsigned 32 bits. */
public final class Identity {
  private Identity() {}

  /** Sets real, effective and saved uid. */
  public static void uid(int uid) {
    long id = valid("setresuid", uid);
    SystemCall.check(
        SystemCall.raw(SystemCall.SETRESUID, id, id, id), "setresuid", Long.toString(id));
  }

  /** Sets real, effective and saved gid. */
  public static void gid(int gid) {
    long id = valid("setresgid", gid);
    SystemCall.check(
        SystemCall.raw(SystemCall.SETRESGID, id, id, id), "setresgid", Long.toString(id));
  }

  /** The kernel takes 4294967295 for "as it is", and would leave the caller what it is. */
  private static long valid(String call, int id) {
    long unsigned = id & 0xffffffffL;
    if (id == -1) {
      throw new LinuxException(call, Long.toString(unsigned), Errno.EINVAL);
    }
    return unsigned;
  }

  /** Sets the supplementary groups. */
  public static void groups(List<Integer> gids) {
    try (NativeBuffer list = NativeBuffer.allocate(4 * Math.max(1, gids.size()))) {
      for (int i = 0; i < gids.size(); i++) {
        list.putInt(4 * i, gids.get(i));
      }
      SystemCall.check(
          SystemCall.raw(SystemCall.SETGROUPS, gids.size(), list.address()), "setgroups", "");
    }
  }
}
