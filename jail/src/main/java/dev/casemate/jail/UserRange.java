package dev.casemate.jail;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.FileTree;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.nio.charset.StandardCharsets;

/**
 * The user ids that VMMs run as, one for each sandbox. A file of the id's name in one directory of
 * the machine records which sandbox has it.
 *
 * @param first the first id; the group id is the same number
 * @param count number of ids, and so the maximum number of sandboxes that run at a time
 */
public record UserRange(int first, int count) {
  /**
   * Above the ids of distributions, of systemd's dynamic users and containers (up to 1879048191),
   * and of subordinate users; below 2³¹, which not every file system can store.
   */
  public static final UserRange DEFAULT = new UserRange(1_900_000_000, 65_536);

  /** The record is the machine's, not one configuration's: two must not give away the same id. */
  public static final String REGISTRY = "/run/casemate/users";

  private static final int RECORD_LIMIT = 4096;

  public UserRange {
    if (first < 1000 || count < 1 || first > Integer.MAX_VALUE - count) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "user range "
              + first
              + ":"
              + count
              + " of the jail is not valid: expected FIRST:COUNT with ids from 1000 to 2147483647");
    }
  }

  /**
   * Parses a range as written in configurations, {@code FIRST:COUNT}.
   *
   * @throws CasemateException INVALID_ARGUMENT if it is not a range
   */
  public static UserRange parse(String text) {
    int colon = text.indexOf(':');
    try {
      return new UserRange(
          Integer.parseInt(text.substring(0, Math.max(0, colon))),
          Integer.parseInt(text.substring(colon + 1)));
    } catch (NumberFormatException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "user range \""
              + text
              + "\" of the jail is not valid: expected FIRST:COUNT, as in "
              + DEFAULT.first
              + ":"
              + DEFAULT.count,
          e);
    }
  }

  /**
   * Takes an id that no other sandbox has.
   *
   * @param owner the sandbox's directory: once it does not exist, the id is free again
   * @throws CasemateException RESOURCE_EXHAUSTED if all are taken
   */
  public JailUser take(String owner) {
    return take(owner, REGISTRY);
  }

  JailUser take(String owner, String registry) {
    FileTree.makeDirectories(registry, 0700);
    try (Fd lock = Fs.open(registry + "/lock", OpenFlag.READ_WRITE | OpenFlag.CREATE, 0600)) {
      Fs.lock(lock, true, true);
      // An id that was just given back is the last to be used again.
      int start = next(lock);
      for (int i = 0; i < count; i++) {
        int id = first + (start + i) % count;
        if (claim(registry + "/" + id, owner)) {
          rewind(lock, (start + i + 1) % count);
          return new JailUser(id, id);
        }
      }
    }
    throw CasemateException.of(
        Kind.RESOURCE_EXHAUSTED,
        "all "
            + count
            + " user ids of the jail from "
            + first
            + " on are in use; stop sandboxes, or configure a larger range");
  }

  private static boolean claim(String path, String owner) {
    try (Fd file =
        Fs.open(path, OpenFlag.WRITE_ONLY | OpenFlag.CREATE | OpenFlag.EXCLUSIVE, 0600)) {
      file.writeAll(owner.getBytes(StandardCharsets.UTF_8));
      return true;
    } catch (LinuxException e) {
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
    }
    String has = FileContent.readString(path, RECORD_LIMIT);
    if (!has.isEmpty() && !has.equals(owner) && Fs.exists(has)) {
      return false;
    }
    FileContent.replace(path, owner.getBytes(StandardCharsets.UTF_8), 0600);
    return true;
  }

  private int next(Fd lock) {
    byte[] text = FileContent.readBytes(lock, "the jail's user record", 32);
    int value = 0;
    for (byte digit : text) {
      value = digit >= '0' && digit <= '9' ? (value * 10 + digit - '0') & 0xffffff : value;
    }
    return value % count;
  }

  private static void rewind(Fd lock, int next) {
    FileContent.seek(lock, 0, 0);
    FileContent.truncate(lock, 0);
    lock.writeAll(Integer.toString(next).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Gives an id back. Its processes must have ended.
   *
   * @param owner as for {@link #take}; another sandbox's id stays taken
   */
  public static void release(JailUser user, String owner) {
    release(user, owner, REGISTRY);
  }

  static void release(JailUser user, String owner, String registry) {
    String path = registry + "/" + user.uid();
    if (!Fs.exists(registry + "/lock")) {
      return;
    }
    try (Fd lock = Fs.open(registry + "/lock", OpenFlag.READ_WRITE)) {
      Fs.lock(lock, true, true);
      if (Fs.exists(path) && FileContent.readString(path, RECORD_LIMIT).equals(owner)) {
        Fs.unlinkIfExists(path);
      }
    }
  }
}
