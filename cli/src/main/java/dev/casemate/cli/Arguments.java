package dev.casemate.cli;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A command line taken apart: {@code --name value}, {@code --name=value}, {@code --switch[=false]},
 * {@code -abc}, {@code -e value}, {@code --}. By hand, since libraries for it cost more at start
 * than the rest of a command.
 */
final class Arguments {
  private final Map<String, List<String>> values = new HashMap<>();
  private final List<String> operands = new ArrayList<>();

  private Arguments() {}

  /**
   * Takes a command line apart.
   *
   * @param interspersed whether options may follow operands; false where the rest belongs to
   *     another command, as in {@code run IMAGE ARG…}
   */
  static Arguments parse(
      String command, List<Option> options, List<String> words, boolean interspersed) {
    Arguments arguments = new Arguments();
    int at = 0;
    while (at < words.size()) {
      String word = words.get(at++);
      if (word.equals("--")) {
        arguments.operands.addAll(words.subList(at, words.size()));
        return arguments;
      }
      if (word.startsWith("--")) {
        at = arguments.longOption(command, options, words, word, at);
      } else if (word.length() > 1 && word.charAt(0) == '-') {
        at = arguments.shortOptions(command, options, words, word, at);
      } else {
        arguments.operands.add(word);
        if (!interspersed) {
          arguments.operands.addAll(words.subList(at, words.size()));
          return arguments;
        }
      }
    }
    return arguments;
  }

  private int longOption(
      String command, List<Option> options, List<String> words, String word, int next) {
    int equals = word.indexOf('=');
    String name = equals < 0 ? word.substring(2) : word.substring(2, equals);
    for (Option option : options) {
      if (option.name().equals(name)) {
        if (equals >= 0) {
          add(option, word.substring(equals + 1));
          return next;
        }
        if (option.isSwitch()) {
          add(option, "true");
          return next;
        }
        return operand(command, option, words, word, next);
      }
    }
    throw unknown(command, word);
  }

  private int shortOptions(
      String command, List<Option> options, List<String> words, String word, int next) {
    for (int i = 1; i < word.length(); i++) {
      Option found = null;
      for (Option option : options) {
        if (option.letter() == word.charAt(i)) {
          found = option;
        }
      }
      if (found == null) {
        throw unknown(command, "-" + word.charAt(i));
      }
      if (found.isSwitch()) {
        add(found, "true");
      } else if (i + 1 < word.length()) {
        String rest = word.substring(i + 1);
        add(found, rest.startsWith("=") ? rest.substring(1) : rest);
        return next;
      } else {
        return operand(command, found, words, "-" + found.letter(), next);
      }
    }
    return next;
  }

  private int operand(String command, Option option, List<String> words, String word, int next) {
    if (next >= words.size()) {
      throw usage(
          "option "
              + word
              + " wants a value ("
              + option.value()
              + "); see: casemate "
              + command
              + " --help");
    }
    add(option, words.get(next));
    return next + 1;
  }

  private void add(Option option, String value) {
    values.computeIfAbsent(option.name(), key -> new ArrayList<>()).add(value);
  }

  private static CasemateException unknown(String command, String word) {
    return usage("unknown option " + word + "; see: casemate " + command + " --help");
  }

  static CasemateException usage(String message) {
    return CasemateException.of(Kind.INVALID_ARGUMENT, message);
  }

  boolean has(String name) {
    String last = last(name).orElse("false");
    if (last.equals("true") || last.equals("false")) {
      return last.equals("true");
    }
    throw usage("option --" + name + " is a switch: \"" + last + "\" should be true or false");
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

  /** A whole number between two bounds. */
  int number(String name, int otherwise, int minimum, int maximum) {
    Optional<String> text = last(name);
    if (text.isEmpty()) {
      return otherwise;
    }
    try {
      int number = Integer.parseInt(text.get());
      if (number >= minimum && number <= maximum) {
        return number;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw usage(
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

  /** The operands, at least one of which is needed. */
  List<String> operands(String what) {
    if (operands.isEmpty()) {
      throw usage("no " + what + " was given");
    }
    return operands;
  }

  /** The only operand. */
  String operand(String what) {
    if (operands.size() != 1) {
      throw usage(
          operands.isEmpty()
              ? "no " + what + " was given"
              : "one " + what + " is expected, but " + operands.size() + " were given");
    }
    return operands.getFirst();
  }
}
