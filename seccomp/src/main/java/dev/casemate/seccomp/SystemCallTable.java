package dev.casemate.seccomp;

import dev.casemate.linux.Text;
import java.util.HashMap;
import java.util.Map;

/** Names and numbers of an architecture's system calls. */
final class SystemCallTable {
  static final SystemCallTable X86_64 = of(SystemCallsX86_64.NAMES);
  static final SystemCallTable I386 = of(SystemCallsI386.NAMES);
  static final SystemCallTable X32 = x32();

  private final Map<String, Integer> numbers;

  private SystemCallTable(Map<String, Integer> numbers) {
    this.numbers = numbers;
  }

  private static SystemCallTable of(String names) {
    Map<String, Integer> numbers = new HashMap<>();
    read(names, numbers);
    return new SystemCallTable(numbers);
  }

  private static void read(String names, Map<String, Integer> numbers) {
    int number = 0;
    for (String word : Text.split(names, ' ')) {
      if (word.charAt(0) == '@') {
        number = Integer.parseInt(word.substring(1));
      } else {
        numbers.put(word, number++);
      }
    }
  }

  private static SystemCallTable x32() {
    Map<String, Integer> numbers = new HashMap<>(X86_64.numbers);
    for (String name : Text.split(SystemCallsX86_64.X32_MISSING, ' ')) {
      numbers.remove(name);
    }
    read(SystemCallsX86_64.X32_NAMES, numbers);
    return new SystemCallTable(numbers);
  }

  /** The number; −1 if the architecture has no call of this name. */
  int number(String name) {
    return numbers.getOrDefault(name, -1);
  }

  /** How many calls there are. */
  int size() {
    return numbers.size();
  }
}
