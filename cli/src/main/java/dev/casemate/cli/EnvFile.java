package dev.casemate.cli;

import dev.casemate.commandline.UsageException;
import java.util.ArrayList;
import java.util.List;

/** Files of {@code NAME=VALUE} lines, read as Docker reads those of {@code --env-file}. */
final class EnvFile {
  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private EnvFile() {}

  /**
   * The lines that set a variable: without comments, empty lines, a byte order mark and the ends of
   * lines of other systems. Blanks before a name are left out, those of a value belong to it.
   *
   * @param file names it in errors
   * @throws UsageException if a line has no name, or one with blanks: {@code export A=1} is for a
   *     shell
   */
  static List<String> lines(String file, String text) {
    List<String> lines = new ArrayList<>();
    int number = 0;
    String content =
        text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text;
    int next = 0;
    while (next <= content.length()) {
      int end = content.indexOf('\n', next);
      String stored = content.substring(next, end < 0 ? content.length() : end);
      next = end < 0 ? content.length() + 1 : end + 1;
      number++;
      String line =
          (stored.endsWith("\r") ? stored.substring(0, stored.length() - 1) : stored)
              .stripLeading();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      int equals = line.indexOf('=');
      String name = equals < 0 ? line : line.substring(0, equals);
      if (name.isEmpty() || hasBlank(name)) {
        throw new UsageException(
            "line "
                + number
                + " of --env-file "
                + file
                + " is \""
                + line
                + "\": "
                + (name.isEmpty()
                    ? "it has no name"
                    : "the name \"" + name + "\" has blanks in it, and no shell reads this file")
                + "; write NAME=VALUE");
      }
      if (line.indexOf('\0') >= 0) {
        throw new UsageException(
            "line " + number + " of --env-file " + file + " has a NUL byte; write NAME=VALUE");
      }
      lines.add(line);
    }
    return lines;
  }

  private static boolean hasBlank(String name) {
    for (int i = 0; i < name.length(); i++) {
      if (name.charAt(i) <= ' ') {
        return true;
      }
    }
    return false;
  }
}
