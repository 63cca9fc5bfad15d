package dev.casemate.commandline;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Splits words into options and operands. Written by hand, because libraries for it cost more at
 * start than the rest of a command.
 */
final class ArgumentParser {
  private final Dialect dialect;
  private final List<Option> options;
  private final List<String> words;
  private final Arguments arguments = new Arguments();
  private int next;

  ArgumentParser(Dialect dialect, List<Option> options, List<String> words) {
    this.dialect = dialect;
    this.options = options;
    this.words = words;
  }

  Arguments parse(boolean interspersed) {
    while (next < words.size()) {
      String word = words.get(next++);
      if (word.equals("--")) {
        break;
      }
      if (word.startsWith("--")) {
        named(word, 2);
      } else if (word.length() > 1 && word.charAt(0) == '-') {
        if (dialect == Dialect.GO) {
          named(word, 1);
        } else {
          letters(word);
        }
      } else {
        arguments.addOperands(List.of(word));
        if (!interspersed) {
          break;
        }
      }
    }
    arguments.addOperands(words.subList(next, words.size()));
    return arguments;
  }

  /** {@code --name}, {@code --name value}, {@code --name=value}; in Go's dialect with one dash. */
  private void named(String word, int dashes) {
    int equals = word.indexOf('=');
    String name = equals < 0 ? word.substring(dashes) : word.substring(dashes, equals);
    Option option = named(name);
    if (option == null && dialect == Dialect.GO && name.length() == 1) {
      option = lettered(name.charAt(0));
    }
    if (option == null) {
      if (dashes == 2 || equals >= 0 || !switches(name)) {
        throw new UsageException("unknown option " + word);
      }
    } else if (equals >= 0) {
      arguments.add(option, word.substring(equals + 1));
    } else {
      switchOrValue(option, word);
    }
  }

  /** {@code -abc}, {@code -n value}, {@code -nvalue}, {@code -n=value}. */
  private void letters(String word) {
    for (int i = 1; i < word.length(); i++) {
      Option option = lettered(word.charAt(i));
      if (option == null) {
        throw new UsageException("unknown option -" + word.charAt(i));
      }
      if (!option.isSwitch() && i + 1 < word.length()) {
        String rest = word.substring(i + 1);
        arguments.add(option, rest.startsWith("=") ? rest.substring(1) : rest);
        return;
      }
      switchOrValue(option, "-" + option.letter());
    }
  }

  /** Several letters of switches in one word; whether they all were. */
  private boolean switches(String letters) {
    List<Option> found = new ArrayList<>();
    for (int i = 0; i < letters.length(); i++) {
      Option option = lettered(letters.charAt(i));
      if (option == null || !option.isSwitch()) {
        return false;
      }
      found.add(option);
    }
    for (Option option : found) {
      arguments.add(option, "true");
    }
    return true;
  }

  private void switchOrValue(Option option, String word) {
    if (option.isSwitch()) {
      arguments.add(option, "true");
    } else if (next < words.size()) {
      arguments.add(option, words.get(next++));
    } else {
      throw new UsageException("option " + word + " requires a value (" + option.value() + ")");
    }
  }

  private @Nullable Option named(String name) {
    for (Option option : options) {
      if (option.name().equals(name)) {
        return option;
      }
    }
    return null;
  }

  private @Nullable Option lettered(char letter) {
    for (Option option : options) {
      if (option.letter() == letter && letter != 0) {
        return option;
      }
    }
    return null;
  }
}
