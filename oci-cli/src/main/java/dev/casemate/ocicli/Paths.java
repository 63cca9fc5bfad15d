package dev.casemate.ocicli;

import dev.casemate.linux.Links;
import dev.casemate.linux.Text;
import java.util.ArrayList;
import java.util.List;

/** Paths as text. */
final class Paths {
  private Paths() {}

  /** An absolute path without {@code .}, {@code ..} and doubled slashes. */
  static String absolute(String path) {
    String full = path.startsWith("/") ? path : Links.readLink("/proc/self/cwd") + "/" + path;
    List<String> parts = new ArrayList<>();
    for (String part : Text.split(full, '/')) {
      if (part.equals("..")) {
        if (!parts.isEmpty()) {
          parts.removeLast();
        }
      } else if (!part.isEmpty() && !part.equals(".")) {
        parts.add(part);
      }
    }
    StringBuilder clean = new StringBuilder();
    for (String part : parts) {
      clean.append('/').append(part);
    }
    return clean.isEmpty() ? "/" : clean.toString();
  }
}
