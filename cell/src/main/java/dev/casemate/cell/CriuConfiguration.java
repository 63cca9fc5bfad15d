package dev.casemate.cell;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Failures;
import dev.casemate.linux.Errno;
import dev.casemate.linux.EventFd;
import dev.casemate.linux.Fd;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import dev.casemate.linux.Stat;
import dev.casemate.linux.Text;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A file with options of criu's that count more than ours: the one that the annotation {@link
 * #ANNOTATION} names, none if it is empty, and {@link #DEFAULT} without it. That is runc's
 * contract.
 *
 * <p>Engines let users of pods set annotations, and criu's options run programs and overwrite
 * files. So the file must be one that only root can write, and one that an annotation names may not
 * run anything. criu gets a copy of what was checked.
 */
final class CriuConfiguration {
  static final String ANNOTATION = "org.criu.config";
  static final String DEFAULT = "/etc/criu/runc.conf";

  private static final int LIMIT = 64 * 1024;
  private static final int OTHERS_WRITE = 022;

  /** Options that have criu run a program or load a library. */
  private static final List<String> RUNNING = List.of("action-script", "exec-cmd", "libdir");

  private CriuConfiguration() {}

  /**
   * A copy of the file, to be read from its start.
   *
   * @throws CasemateException NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT for a file that an
   *     annotation names and that is not there, not to be trusted, or no such file
   */
  static Optional<Fd> open(Map<String, String> annotations) {
    String named = annotations.get(ANNOTATION);
    String path = named == null ? DEFAULT : named;
    if (path.isEmpty()) {
      return Optional.empty();
    }
    if (!path.startsWith("/")) {
      throw refused(path, "it is no absolute path; correct it");
    }
    byte[] content;
    try (Fd file = Fs.open(path, OpenFlag.READ_ONLY | OpenFlag.NON_BLOCK | OpenFlag.NO_FOLLOW)) {
      Stat stat = Fs.stat(file);
      if (!stat.isRegular() || stat.size() > LIMIT) {
        throw refused(path, "it is no regular file of at most " + LIMIT + " bytes");
      }
      if (stat.uid() != 0 || (stat.permissions() & OTHERS_WRITE) != 0) {
        throw CasemateException.of(
            CasemateException.Kind.PERMISSION_DENIED,
            what(path) + "others than root can write it; chown it to root and chmod go-w");
      }
      content = FileContent.readBytes(file, path, LIMIT);
    } catch (LinuxException e) {
      if (named == null && e.errno() == Errno.ENOENT) {
        return Optional.empty();
      }
      throw Failures.of(what(path) + "reading it", e);
    }
    if (named != null) {
      check(path, new String(content, StandardCharsets.UTF_8));
    }
    Fd copy = EventFd.memory("criu.conf");
    copy.writeAll(content);
    FileContent.seek(copy, 0, 0);
    return Optional.of(copy);
  }

  private static String what(String path) {
    return "criu's configuration " + path + " (annotation " + ANNOTATION + "): ";
  }

  private static CasemateException refused(String path, String why) {
    return Failures.invalid(what(path) + why);
  }

  /** criu takes any beginning of an option's name that no other begins with. */
  static void check(String path, String content) {
    for (String line : Text.split(content, '\n')) {
      String word = line.strip();
      int end = 0;
      while (end < word.length() && word.charAt(end) > ' ' && word.charAt(end) != '=') {
        end++;
      }
      String option = word.substring(0, end).replace("\"", "").replace("'", "").replace("\\", "");
      for (String running : RUNNING) {
        if (option.length() > 1 && running.startsWith(option)) {
          throw refused(
              path,
              "option \""
                  + option
                  + "\" has criu run a program, which no annotation may do; put it into "
                  + DEFAULT);
        }
      }
    }
  }
}
