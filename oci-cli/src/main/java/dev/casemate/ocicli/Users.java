package dev.casemate.ocicli;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.Text;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Names of the host's users. */
final class Users {
  private static final int LIMIT = 1 << 20;

  private final Map<String, String> names = new HashMap<>();

  Users() {
    try {
      for (String line : Text.split(FileContent.readString("/etc/passwd", LIMIT), '\n')) {
        List<String> fields = split(line);
        if (fields.size() > 2) {
          names.putIfAbsent(fields.get(2), fields.get(0));
        }
      }
    } catch (LinuxException e) {
      // Numbers do, too.
    }
  }

  /** The first three fields; the password may be empty. */
  private static List<String> split(String line) {
    int first = line.indexOf(':');
    int second = line.indexOf(':', first + 1);
    int third = line.indexOf(':', second + 1);
    return first < 0 || second < 0 || third < 0
        ? List.of()
        : List.of(
            line.substring(0, first),
            line.substring(first + 1, second),
            line.substring(second + 1, third));
  }

  /** The user's name, or the number where it has none. */
  String name(int uid) {
    String number = Integer.toUnsignedString(uid);
    return names.getOrDefault(number, number);
  }
}
