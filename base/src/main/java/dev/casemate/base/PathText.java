package dev.casemate.base;

/** Paths as text, without a look at the file system. */
public final class PathText {
  private PathText() {}

  /**
   * Returns an absolute path without {@code .}, double slashes and a trailing slash. {@code ..}
   * removes the name before it.
   */
  public static String clean(String path) {
    StringBuilder clean = new StringBuilder();
    int start = 0;
    while (start <= path.length()) {
      int end = path.indexOf('/', start);
      if (end < 0) {
        end = path.length();
      }
      String piece = path.substring(start, end);
      if (piece.equals("..")) {
        int slash = clean.lastIndexOf("/");
        clean.setLength(Math.max(0, slash));
      } else if (!piece.isEmpty() && !piece.equals(".")) {
        clean.append('/').append(piece);
      }
      start = end + 1;
    }
    return clean.isEmpty() ? "/" : clean.toString();
  }

  /** Returns the directory of a clean path; {@code /} is its own. */
  public static String parent(String clean) {
    int slash = clean.lastIndexOf('/');
    return slash <= 0 ? "/" : clean.substring(0, slash);
  }

  /** Returns the last name of a clean path; empty for {@code /}. */
  public static String name(String clean) {
    return clean.substring(clean.lastIndexOf('/') + 1);
  }
}
