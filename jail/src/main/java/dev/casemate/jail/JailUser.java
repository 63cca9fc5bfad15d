package dev.casemate.jail;

/**
 * The user and group that a jailed process runs under.
 *
 * @param uid user id, never 0
 * @param gid group id, never 0
 */
public record JailUser(int uid, int gid) {
  public JailUser {
    if (uid <= 0 || gid <= 0) {
      throw new IllegalArgumentException("a jailed process must not run as " + uid + ":" + gid);
    }
  }
}
