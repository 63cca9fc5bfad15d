package dev.casemate.network;

import dev.casemate.base.CasemateException;
import java.nio.charset.StandardCharsets;

/**
 * Names that follow from a sandbox's id or the run directory, so that a fresh process finds again
 * what a crashed one has made.
 */
final class Names {
  static final String DEFAULT_RUN_DIRECTORY = "/run/casemate";
  static final String ALIAS = "casemate:";
  static final String LINK = "cm";
  private static final int ID_LIMIT = 128;
  private static final int LINK_DIGITS = 12;
  private static final int DIRECTORY_DIGITS = 8;

  private Names() {}

  /** The host's end of a sandbox's veth pair. */
  static String link(String sandboxId) {
    return LINK + hash(sandboxId, LINK_DIGITS);
  }

  /** What a TAP says of itself: whose it is, and which interface it is joined to. */
  static String tapAlias(String sandboxId, String interfaceName) {
    return ALIAS + sandboxId + ":" + interfaceName;
  }

  /** Several run directories on one machine must not share a bridge: their leases differ. */
  static String bridge(String runDirectory) {
    return runDirectory.equals(DEFAULT_RUN_DIRECTORY)
        ? "casemate0"
        : "casemate" + hash(runDirectory, DIRECTORY_DIGITS - 1);
  }

  static String table(String runDirectory) {
    return runDirectory.equals(DEFAULT_RUN_DIRECTORY)
        ? "casemate"
        : "casemate-" + hash(runDirectory, DIRECTORY_DIGITS);
  }

  /** FNV-1a of 64 bits; its last digits in hexadecimal. */
  private static String hash(String text, int digits) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
    }
    StringBuilder hex = new StringBuilder();
    for (int i = digits - 1; i >= 0; i--) {
      hex.append(Character.forDigit((int) (hash >> 4 * i) & 15, 16));
    }
    return hex.toString();
  }

  /** Ids become file names: refuses what could leave the directory. */
  static void checkId(String sandboxId) {
    boolean right = !sandboxId.isEmpty() && sandboxId.length() <= ID_LIMIT;
    for (int i = 0; right && i < sandboxId.length(); i++) {
      char c = sandboxId.charAt(i);
      boolean alphanumeric =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      right = alphanumeric || (i > 0 && (c == '_' || c == '-' || c == '.' || c == '+'));
    }
    if (!right) {
      throw CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "sandbox id \""
              + sandboxId
              + "\" cannot name a network; use up to "
              + ID_LIMIT
              + " letters, digits and _ - . +");
    }
  }
}
