package dev.casemate.ocicli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A command line taken apart as runc's parser (Go's) does: {@code --name value}, {@code
 * --name=value}, the same with one dash, {@code -n value}, {@code --}. Switches may be given a
 * value: {@code --all=false}. Beyond that, letters of switches may be joined: {@code -td}.
 */
final class Arguments {
  private final Map<String, List<String>> values = new HashMap<>();
  private final List<String> operands = new ArrayList<>();

  private Arguments() {}

  /**
   * Takes a command line apart.
   *
   * @param interspersed whether options may follow operands; false where the rest belongs to
   *     another command, as in {@code exec ID COMMAND ARG…}
   */
  static Arguments parse(List<Option> options, List<String> words, boolean interspersed) {
    Arguments arguments = new Arguments();
    int at = 0;
    while (at < words.size()) {
      String word = words.get(at++);
      if (word.equals("--")) {
        arguments.operands.addAll(words.subList(at, words.size()));
        return arguments;
      }
      if (word.length() > 1 && word.charAt(0) == '-') {
        at = arguments.option(options, words, word, at);
        continue;
      }
      arguments.operands.add(word);
      if (!interspersed) {
        arguments.operands.addAll(words.subList(at, words.size()));
        return arguments;
      }
    }
    return arguments;
  }

  private int option(List<Option> options, List<String> words, String word, int next) {
    int start = word.startsWith("--") ? 2 : 1;
    int equals = word.indexOf('=');
    String name = equals < 0 ? word.substring(start) : word.substring(start, equals);
    Option option = find(options, name);
    if (option == null) {
      if (start == 1 && equals < 0 && joined(options, name)) {
        return next;
      }
      throw new UsageException("unknown option " + word);
    }
    if (equals >= 0) {
      add(option, word.substring(equals + 1));
      return next;
    }
    if (option.isSwitch()) {
      add(option, "true");
      return next;
    }
    if (next >= words.size()) {
      throw new UsageException("option " + word + " wants a value (" + option.value() + ")");
    }
    add(option, words.get(next));
    return next + 1;
  }

  private static @org.jspecify.annotations.Nullable Option find(List<Option> options, String name) {
    for (Option option : options) {
      if (option.name().equals(name)
          || (name.length() == 1 && option.letter() == name.charAt(0) && option.letter() != 0)) {
        return option;
      }
    }
    return null;
  }

  /** Letters of switches in one word. */
  private boolean joined(List<Option> options, String letters) {
    List<Option> found = new ArrayList<>();
    for (int i = 0; i < letters.length(); i++) {
      Option option = find(options, letters.substring(i, i + 1));
      if (option == null || !option.isSwitch()) {
        return false;
      }
      found.add(option);
    }
    for (Option option : found) {
      add(option, "true");
    }
    return true;
  }

  private void add(Option option, String value) {
    values.computeIfAbsent(option.name(), key -> new ArrayList<>()).add(value);
  }

  /** Whether a switch is on. */
  boolean has(String name) {
    String last = last(name, "false");
    return switch (last) {
      case "true", "1" -> true;
      case "false", "0" -> false;
      default ->
          throw new UsageException(
              "option --" + name + " is a switch: \"" + last + "\" should be true or false");
    };
  }

  boolean isGiven(String name) {
    return values.containsKey(name);
  }

  /** The last value given. */
  Optional<String> last(String name) {
    List<String> all = values.get(name);
    return all == null ? Optional.empty() : Optional.of(all.getLast());
  }

  String last(String name, String otherwise) {
    return last(name).orElse(otherwise);
  }

  List<String> all(String name) {
    return values.getOrDefault(name, List.of());
  }

  /** A whole number between two bounds; empty if the option is not given. */
  Optional<Long> number(String name, long minimum, long maximum) {
    Optional<String> text = last(name);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try {
      long number = Long.parseLong(text.get());
      if (number >= minimum && number <= maximum) {
        return Optional.of(number);
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new UsageException(
        "option --"
            + name
            + " is \""
            + text.get()
            + "\", expected a whole number from "
            + minimum
            + " to "
            + maximum);
  }

  List<String> operands() {
    return operands;
  }

  /** The operands; {@code minimum} to {@code maximum} of them. */
  List<String> operands(String command, int minimum, int maximum) {
    int count = operands.size();
    if (count < minimum || count > maximum) {
      String wanted =
          minimum == maximum
              ? "exactly " + minimum + " argument(s)"
              : count < minimum
                  ? "a minimum of " + minimum + " argument(s)"
                  : "a maximum of " + maximum + " argument(s)";
      throw new UsageException("\"" + command + "\" requires " + wanted + ", got " + count);
    }
    return operands;
  }
}
