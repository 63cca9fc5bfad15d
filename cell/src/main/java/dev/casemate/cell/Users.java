package dev.casemate.cell;

import dev.casemate.linux.Fd;
import dev.casemate.oci.UserSpec;
import java.util.List;

/** Names of users and groups, by a container's own {@code /etc/passwd} and {@code /etc/group}. */
public final class Users {
  private Users() {}

  /**
   * A user as found.
   *
   * @param home {@code /} if the container's passwd file does not say
   */
  public record Resolved(UserSpec user, String home) {}

  /**
   * Resolves {@code user}, {@code uid}, {@code user:group}, {@code uid:gid} …; empty text is root.
   *
   * @param root directory of the container's root file system
   * @param additionalGroups names or numbers ({@code --group-add})
   */
  public static Resolved resolve(Fd root, String user, List<String> additionalGroups) {
    throw new UnsupportedOperationException();
  }
}
