package dev.casemate.ocicli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;

/** Names of containers. */
final class Ids {
  /** An id names a directory (NAME_MAX). */
  private static final int LIMIT = 255;

  private static final int SHOWN = 80;

  private Ids() {}

  /**
   * A container's id: letters, digits and {@code + - . _}, but not {@code .} or {@code ..} (runc's
   * rule; the runtime-spec leaves it to the runtime).
   */
  static String check(String id) {
    boolean good = !id.isEmpty() && !id.equals(".") && !id.equals("..");
    for (int i = 0; i < id.length() && good; i++) {
      char c = id.charAt(i);
      good =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '+'
              || c == '-'
              || c == '.'
              || c == '_';
    }
    if (!good) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "invalid container ID format: \""
              + (id.length() > SHOWN ? id.substring(0, SHOWN) + "…" : id)
              + "\"; use letters, digits, \"+\", \"-\", \".\" and \"_\"");
    }
    if (id.length() > LIMIT) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "invalid container ID: it has "
              + id.length()
              + " characters, at most "
              + LIMIT
              + " are possible; shorten it");
    }
    return id;
  }
}
