package dev.casemate.cell;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A process's environment. */
final class Environment {
  private Environment() {}

  /**
   * The variables without repeated names: the last of them counts, for programs differ in which one
   * they see.
   *
   * @return a new list
   */
  static List<String> distinct(List<String> variables) {
    List<String> kept = new ArrayList<>(variables.size());
    Set<String> names = new HashSet<>();
    for (int i = variables.size() - 1; i >= 0; i--) {
      if (names.add(name(variables.get(i)))) {
        kept.add(variables.get(i));
      }
    }
    Collections.reverse(kept);
    return kept;
  }

  /** Whether there is a variable of a name. */
  static boolean has(List<String> variables, String name) {
    for (String variable : variables) {
      if (name(variable).equals(name)) {
        return true;
      }
    }
    return false;
  }

  private static String name(String variable) {
    int equals = variable.indexOf('=');
    return equals < 0 ? variable : variable.substring(0, equals);
  }
}
