package dev.casemate.commandline;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The options and operands of a command. Every method throws {@link UsageException} for a value
 * that is not what it returns.
 */
public final class Arguments {
  private final Map<String, List<String>> values = new HashMap<>();
  private final List<String> operands = new ArrayList<>();

  Arguments() {}

  /**
   * Parses the words after a command's name.
   *
   * @throws UsageException for an unknown option or a missing value
   */
  public static Arguments parse(Dialect dialect, CommandSyntax command, List<String> words) {
    return parse(dialect, command.options(), command.interspersed(), words);
  }

  /**
   * Parses options and operands.
   *
   * @param interspersed whether options may follow operands; false where the rest belongs to
   *     another command, as in {@code exec ID COMMAND ARG…}
   * @throws UsageException for an unknown option or a missing value
   */
  public static Arguments parse(
      Dialect dialect, List<Option> options, boolean interspersed, List<String> words) {
    return new ArgumentParser(dialect, options, words).parse(interspersed);
  }

  void add(Option option, String value) {
    values.computeIfAbsent(option.name(), key -> new ArrayList<>()).add(value);
  }

  void addOperands(List<String> words) {
    operands.addAll(words);
  }

  /** Whether a switch is on. */
  public boolean has(String name) {
    String last = last(name, "false");
    return switch (last) {
      case "true", "1" -> true;
      case "false", "0" -> false;
      default -> throw UsageException.ofValue(name, last, "true or false");
    };
  }

  /** Whether an option was given, with whatever value. */
  public boolean isGiven(String name) {
    return values.containsKey(name);
  }

  /** The last value given. */
  public Optional<String> last(String name) {
    List<String> all = values.get(name);
    return all == null ? Optional.empty() : Optional.of(all.getLast());
  }

  public String last(String name, String otherwise) {
    return last(name).orElse(otherwise);
  }

  /** All values given, in order. */
  public List<String> all(String name) {
    return values.getOrDefault(name, List.of());
  }

  /** A whole number between two bounds; empty if the option was not given. */
  public Optional<Long> number(String name, long minimum, long maximum) {
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
      // Reported below, like a number out of range.
    }
    throw UsageException.ofValue(
        name, text.get(), "a whole number from " + minimum + " to " + maximum);
  }

  /** A whole number between two bounds, or a default. */
  public int number(String name, int otherwise, int minimum, int maximum) {
    Optional<Long> number = number(name, minimum, maximum);
    return number.isPresent() ? (int) (long) number.get() : otherwise;
  }

  public List<String> operands() {
    return operands;
  }

  /** The operands, of which at least one is required. */
  public List<String> operands(String what) {
    if (operands.isEmpty()) {
      throw new UsageException("missing " + what);
    }
    return operands;
  }

  /** The operands; {@code minimum} to {@code maximum} of them. The messages are runc's. */
  public List<String> operands(String command, int minimum, int maximum) {
    int count = operands.size();
    if (count < minimum || count > maximum) {
      String expected =
          minimum == maximum
              ? "exactly " + minimum + " argument(s)"
              : count < minimum
                  ? "a minimum of " + minimum + " argument(s)"
                  : "a maximum of " + maximum + " argument(s)";
      throw new UsageException("\"" + command + "\" requires " + expected + ", got " + count);
    }
    return operands;
  }

  /** The only operand. */
  public String operand(String what) {
    if (operands.size() != 1) {
      throw new UsageException(
          operands.isEmpty()
              ? "missing " + what
              : "expected one " + what + ", but " + operands.size() + " were given");
    }
    return operands.getFirst();
  }
}
