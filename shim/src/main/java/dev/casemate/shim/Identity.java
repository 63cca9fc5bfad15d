package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.nio.charset.StandardCharsets;

/** Names for what belongs to one shim: its socket, and its sandbox. */
final class Identity {
  /** containerd allows 76. */
  private static final int LIMIT = 128;

  private static final int SANDBOX_ID_DIGITS = 32;

  private Identity() {}

  /** Ids become parts of paths: they must be what containerd takes for one. */
  static void check(String what, String text) {
    boolean valid = !text.isEmpty() && text.length() <= LIMIT && !text.startsWith(".");
    for (int i = 0; i < text.length() && valid; i++) {
      char c = text.charAt(i);
      valid =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '_'
              || c == '.'
              || c == '-';
    }
    if (!valid) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          what
              + " \""
              + text
              + "\" is not valid: expected letters, digits, '_', '.' and '-', at most "
              + LIMIT);
    }
  }

  /** What containerd's own shims hash: the socket of containerd, the namespace, the group. */
  private static String hash(String containerdAddress, String namespace, String group) {
    String path = clean(containerdAddress + "/" + namespace + "/" + group);
    return Sha256.hex(path.getBytes(StandardCharsets.UTF_8));
  }

  /** As Go's filepath.Join does: no doubled slashes. */
  private static String clean(String path) {
    StringBuilder clean = new StringBuilder();
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c != '/' || clean.isEmpty() || clean.charAt(clean.length() - 1) != '/') {
        clean.append(c);
      }
    }
    return clean.toString();
  }

  /**
   * Where the shim of a group of containers listens.
   *
   * @param socketDirectory empty for containerd's convention
   */
  static String socketPath(
      String socketDirectory, String containerdAddress, String namespace, String group) {
    String directory = socketDirectory.isEmpty() ? "/run/containerd/s" : socketDirectory;
    return directory + "/" + hash(containerdAddress, namespace, group);
  }

  /**
   * The name of its sandbox among Casemate's, unique among all namespaces of all containerds of the
   * machine.
   */
  static String sandboxId(String containerdAddress, String namespace, String group) {
    return hash(containerdAddress, namespace, group).substring(0, SANDBOX_ID_DIGITS);
  }
}
