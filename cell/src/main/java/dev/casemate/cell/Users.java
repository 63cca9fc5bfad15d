package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Text;
import dev.casemate.oci.UserSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Names of users and groups, by a container's own {@code /etc/passwd} and {@code /etc/group}
 * (passwd(5), group(5)). The files are hostile: they must be regular and of bounded size, and are
 * opened with the container's root as the root of all links.
 */
public final class Users {
  private static final int FILE_LIMIT = 4 << 20;
  private static final long ID_LIMIT = Integer.MAX_VALUE;

  private Users() {}

  /**
   * A user as found. The additional groups hold the primary one too.
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
    int colon = user.indexOf(':');
    String userPart = colon < 0 ? user : user.substring(0, colon);
    String groupPart = colon < 0 ? "" : user.substring(colon + 1);
    if (userPart.isEmpty()) {
      userPart = "0";
    }
    List<String> passwd = lines(root, "/etc/passwd");
    List<String> entry = findUser(passwd, userPart);
    long uid;
    long gid = 0;
    String name = "";
    String home = "/";
    if (!entry.isEmpty()) {
      uid = number(entry.get(2));
      gid = Math.max(0, number(entry.get(3)));
      name = entry.get(0);
      if (entry.size() > 5 && !entry.get(5).isEmpty()) {
        home = entry.get(5);
      }
    } else {
      uid = number(userPart);
      if (uid < 0) {
        throw CasemateException.of(
            Kind.NOT_FOUND,
            "unable to find user " + userPart + ": no matching entries in passwd file");
      }
    }
    checkRange(uid);
    List<String> groups =
        groupPart.isEmpty() && name.isEmpty() && additionalGroups.isEmpty()
            ? List.of()
            : lines(root, "/etc/group");
    Set<Integer> gids = new LinkedHashSet<>();
    if (!groupPart.isEmpty()) {
      gid = findGroup(groups, groupPart);
    }
    checkRange(gid);
    gids.add((int) gid);
    if (groupPart.isEmpty() && !name.isEmpty()) {
      addMemberships(groups, name, gids);
    }
    for (String group : additionalGroups) {
      long extra = findGroup(groups, group);
      checkRange(extra);
      gids.add((int) extra);
    }
    return new Resolved(UserSpec.of((int) uid, (int) gid, List.copyOf(gids)), home);
  }

  /** The home directory of a uid; {@code /} if the passwd file does not say. */
  static String home(Fd root, int uid) {
    for (String line : lines(root, "/etc/passwd")) {
      List<String> fields = fields(line);
      if (fields.size() > 5 && number(fields.get(2)) == (uid & 0xffffffffL)) {
        return fields.get(5).isEmpty() ? "/" : fields.get(5);
      }
    }
    return "/";
  }

  private static List<String> findUser(List<String> passwd, String user) {
    long uid = number(user);
    List<String> byNumber = List.of();
    for (String line : passwd) {
      List<String> fields = fields(line);
      if (fields.size() < 4 || number(fields.get(2)) < 0) {
        continue;
      }
      if (fields.get(0).equals(user)) {
        return fields;
      }
      if (byNumber.isEmpty() && uid >= 0 && number(fields.get(2)) == uid) {
        byNumber = fields;
      }
    }
    return byNumber;
  }

  private static long findGroup(List<String> groups, String group) {
    long gid = number(group);
    for (String line : groups) {
      List<String> fields = fields(line);
      if (fields.size() >= 3 && fields.get(0).equals(group) && number(fields.get(2)) >= 0) {
        return number(fields.get(2));
      }
    }
    if (gid < 0) {
      throw CasemateException.of(
          Kind.NOT_FOUND, "unable to find group " + group + ": no matching entries in group file");
    }
    return gid;
  }

  private static void addMemberships(List<String> groups, String user, Set<Integer> gids) {
    for (String line : groups) {
      List<String> fields = fields(line);
      if (fields.size() < 4) {
        continue;
      }
      long gid = number(fields.get(2));
      if (gid >= 0 && gid <= ID_LIMIT && Text.split(fields.get(3), ',').contains(user)) {
        gids.add((int) gid);
      }
    }
  }

  private static void checkRange(long id) {
    if (id < 0 || id > ID_LIMIT) {
      throw Failures.invalid("uids and gids must be in range 0-" + ID_LIMIT + ", not " + id);
    }
  }

  /** A decimal number, −1 if the text is none. */
  private static long number(String text) {
    if (text.isEmpty() || text.length() > 12) {
      return -1;
    }
    long value = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        return -1;
      }
      value = 10 * value + (c - '0');
    }
    return value;
  }

  private static List<String> fields(String line) {
    List<String> fields = new ArrayList<>();
    if (line.startsWith("#")) {
      return fields;
    }
    int start = 0;
    while (start <= line.length()) {
      int end = line.indexOf(':', start);
      if (end < 0) {
        end = line.length();
      }
      fields.add(line.substring(start, end).strip());
      start = end + 1;
    }
    return fields;
  }

  private static List<String> lines(Fd root, String path) {
    Optional<Fd> found;
    try {
      found = new RootPaths(root).find(path);
    } catch (LinuxException e) {
      throw Failures.of("reading " + path + " of the container", e);
    }
    if (found.isEmpty()) {
      return List.of();
    }
    try (Fd file = found.get()) {
      // Only looked at so far: to open a device or a FIFO would have effects.
      if (!Fs.stat(file).isRegular()) {
        throw Failures.precondition(
            path + " of the container is not a regular file; repair the image");
      }
      int flags = OpenFlag.READ_ONLY | OpenFlag.NON_BLOCK | OpenFlag.NO_CTTY;
      try (Fd content = Fs.openIn(root, path, flags, 0)) {
        byte[] bytes = FileContent.readBytes(content, path, FILE_LIMIT);
        return Text.split(new String(bytes, StandardCharsets.UTF_8), '\n');
      }
    } catch (LinuxException e) {
      if (e.errno() == Errno.EFBIG) {
        throw Failures.precondition(
            path + " of the container is larger than " + FILE_LIMIT + " bytes; repair the image");
      }
      throw Failures.of("reading " + path + " of the container", e);
    }
  }
}
