package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.base.PlainText;
import dev.casemate.linux.Fd;
import dev.casemate.linux.Fs;
import dev.casemate.linux.Links;
import dev.casemate.linux.LinuxException;
import dev.casemate.linux.OpenFlag;
import java.util.List;

/**
 * Which files annotations may name as kernel and initramfs, as Kata's {@code valid_*_paths}: the
 * VMM reads them as root, and the guest can show what it was given. Without a pattern none may be
 * named. In a pattern {@code *} stands for any characters but a slash and {@code ?} for one.
 *
 * @param kernel patterns of absolute paths
 * @param initramfs patterns of absolute paths
 */
record GuestPaths(List<String> kernel, List<String> initramfs) {
  static final String KERNEL_OPTION = "annotations.kernel_paths";
  static final String INITRAMFS_OPTION = "annotations.initramfs_paths";

  GuestPaths {
    kernel = checked(KERNEL_OPTION, kernel);
    initramfs = checked(INITRAMFS_OPTION, initramfs);
  }

  private static List<String> checked(String option, List<String> patterns) {
    for (String pattern : patterns) {
      if (!pattern.startsWith("/") || pattern.contains("/../") || pattern.indexOf('[') >= 0) {
        throw CasemateException.of(
            Kind.INVALID_ARGUMENT,
            option
                + " has \""
                + pattern
                + "\", expected patterns of absolute paths with * and ? only, without ..");
      }
    }
    return List.copyOf(patterns);
  }

  /** The kernel that an annotation names, without links. */
  String checkKernel(String annotation, String value) {
    return check(annotation, value, KERNEL_OPTION, kernel);
  }

  /** The initramfs that an annotation names, without links. */
  String checkInitramfs(String annotation, String value) {
    return check(annotation, value, INITRAMFS_OPTION, initramfs);
  }

  private static String check(
      String annotation, String value, String option, List<String> patterns) {
    if (!value.startsWith("/") || value.contains("/../") || value.endsWith("/..")) {
      throw refused(
          Kind.INVALID_ARGUMENT,
          annotation,
          value,
          "is not valid: expected an absolute path without ..");
    }
    if (!matchesOne(patterns, value)) {
      throw refused(Kind.PERMISSION_DENIED, annotation, value, notAllowed("", option, patterns));
    }
    // Opened as a place only: the file may be a FIFO or a device, which opening would wake.
    try (Fd file = Fs.open(value, OpenFlag.PATH)) {
      String resolved = Links.readLink(file.procPath());
      if (!matchesOne(patterns, resolved)) {
        throw refused(
            Kind.PERMISSION_DENIED,
            annotation,
            value,
            notAllowed("leads to " + PlainText.quote(resolved) + ", which ", option, patterns));
      }
      if (!Fs.stat(file).isRegular()) {
        throw refused(
            Kind.INVALID_ARGUMENT, annotation, value, "is not valid: it is not a regular file");
      }
      return resolved;
    } catch (LinuxException e) {
      throw refused(Kind.NOT_FOUND, annotation, value, "cannot be opened: " + e.getMessage());
    }
  }

  private static String notAllowed(String who, String option, List<String> patterns) {
    return who
        + "is not allowed on this node: "
        + (patterns.isEmpty()
            ? option + " is empty; add a pattern for the path there"
            : "it matches no pattern of "
                + option
                + " ("
                + PlainText.line(String.join(", ", patterns), 300)
                + ")")
        + ", in "
        + RuntimeConfig.DEFAULT_PATH
        + ", or remove the annotation";
  }

  private static CasemateException refused(Kind kind, String annotation, String value, String why) {
    return CasemateException.of(
        kind, "annotation " + annotation + " = " + PlainText.quote(value) + " " + why);
  }

  private static boolean matchesOne(List<String> patterns, String path) {
    for (String pattern : patterns) {
      if (matches(pattern, path)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a whole path matches; linear but for the last star, which it goes back to. */
  static boolean matches(String pattern, String path) {
    int p = 0;
    int at = 0;
    int star = -1;
    int resume = 0;
    while (at < path.length()) {
      char c = path.charAt(at);
      char want = p < pattern.length() ? pattern.charAt(p) : '\0';
      if (p < pattern.length() && want == '*') {
        star = p++;
        resume = at;
      } else if (p < pattern.length() && (want == c || (want == '?' && c != '/'))) {
        p++;
        at++;
      } else if (star >= 0 && path.charAt(resume) != '/') {
        p = star + 1;
        at = ++resume;
      } else {
        return false;
      }
    }
    while (p < pattern.length() && pattern.charAt(p) == '*') {
      p++;
    }
    return p == pattern.length();
  }
}
