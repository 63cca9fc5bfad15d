package dev.casemate.protocolgenerator;

import java.util.Locale;
import java.util.Set;

/** Java's names for protobuf's. */
final class Names {
  /**
   * Java's keywords, what a record's component may not be called, and the methods that every
   * generated record has.
   */
  private static final Set<String> TAKEN =
      Set.of(
          ("abstract assert boolean break byte case catch char class const continue default do double else enum extends final finally float for goto if"
                  + " implements import instanceof int interface long native new package private protected public return short static strictfp super switch"
                  + " synchronized this throw throws transient try void volatile while true false null _"
                  + " clone finalize getClass hashCode notify notifyAll toString wait"
                  + " builder toBuilder build encode decode write merge dev java")
              .split(" "));

  private Names() {}

  /**
   * {@code exec_id} becomes {@code execId}; a name that Java or the generated code needs gets an
   * underscore at its end.
   */
  static String field(String protoName) {
    String name = decapitalised(camel(protoName));
    return TAKEN.contains(name) ? name + "_" : name;
  }

  /** {@code exec_id} becomes {@code ExecId}: the tail of {@code addExecId}. */
  static String camel(String protoName) {
    StringBuilder name = new StringBuilder();
    for (String word : protoName.split("_")) {
      if (!word.isEmpty()) {
        name.append(Character.toUpperCase(word.charAt(0))).append(word, 1, word.length());
      }
    }
    return name.toString();
  }

  /**
   * {@code GetOOMEvent} becomes {@code GET_OOM_EVENT}, {@code GetIPTables} {@code GET_IP_TABLES}.
   */
  static String constant(String method) {
    StringBuilder name = new StringBuilder();
    for (int i = 0; i < method.length(); i++) {
      char c = method.charAt(i);
      boolean wordStarts =
          i > 0
              && Character.isUpperCase(c)
              && (!Character.isUpperCase(method.charAt(i - 1))
                  || (i + 1 < method.length() && Character.isLowerCase(method.charAt(i + 1))));
      if (wordStarts && method.charAt(i - 1) != '_') {
        name.append('_');
      }
      name.append(c);
    }
    return name.toString().toUpperCase(Locale.ROOT);
  }

  private static String decapitalised(String name) {
    return Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }
}
