package dev.casemate.guest;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The options asked of a kernel build, and whether they came true.
 *
 * <p>Kconfig drops silently what depends on something that is off; a kernel without, say, a cgroup
 * controller would be noticed much later. So the resulting {@code .config} is compared with the
 * wishes.
 */
final class KernelConfig {
  private static final String SEPARATOR = " | ";

  /**
   * One of these has to hold.
   *
   * @param assignments such as {@code CONFIG_PVH=y}
   */
  private record Wish(List<String> assignments) {
    String symbol() {
      return symbolOf(assignments.getFirst());
    }
  }

  private final Map<String, Wish> wishes = new LinkedHashMap<>();

  private KernelConfig() {}

  /** The options of our own lean kernel. */
  static KernelConfig lean() {
    try (InputStream in = KernelConfig.class.getResourceAsStream("lean.config")) {
      if (in == null) {
        throw new IllegalStateException("the resource lean.config is missing from this program");
      }
      KernelConfig config = new KernelConfig();
      config.add(new String(in.readAllBytes(), StandardCharsets.UTF_8), "lean.config");
      return config;
    } catch (IOException e) {
      throw Failure.of("read lean.config", e);
    }
  }

  /** Adds a user's options; they win over those of the same name. */
  void add(Path file) {
    try {
      add(Files.readString(file), file.toString());
    } catch (IOException e) {
      throw Failure.of("read the kernel options " + file, e);
    }
  }

  void add(String text, String what) {
    int number = 0;
    for (String raw : text.split("\n")) {
      number++;
      String line = raw.strip();
      if (line.startsWith("# CONFIG_") && line.endsWith(" is not set")) {
        line = line.substring(2, line.length() - 11) + "=n";
      }
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      List<String> assignments = new ArrayList<>();
      for (int from = 0; from >= 0; ) {
        int bar = line.indexOf(SEPARATOR, from);
        String assignment = (bar < 0 ? line.substring(from) : line.substring(from, bar)).strip();
        if (!assignment.startsWith("CONFIG_") || assignment.indexOf('=') < 8) {
          throw CasemateException.of(
              Kind.INVALID_ARGUMENT,
              what + " line " + number + " is '" + raw + "', expected CONFIG_NAME=value");
        }
        assignments.add(assignment);
        from = bar < 0 ? -1 : bar + SEPARATOR.length();
      }
      Wish wish = new Wish(assignments);
      wishes.put(wish.symbol(), wish);
    }
  }

  /**
   * What Kconfig reads as {@code KCONFIG_ALLCONFIG}; it ignores names that this kernel does not
   * know.
   */
  String fragment() {
    StringBuilder text = new StringBuilder();
    for (Wish wish : wishes.values()) {
      for (String assignment : wish.assignments()) {
        text.append(assignment).append('\n');
      }
    }
    return text.toString();
  }

  /** The wishes that do not hold in a {@code .config}, each as it was asked for. */
  List<String> lost(Map<String, String> options) {
    List<String> lost = new ArrayList<>();
    for (Wish wish : wishes.values()) {
      boolean holds = false;
      for (String assignment : wish.assignments()) {
        String symbol = symbolOf(assignment);
        String value = assignment.substring(symbol.length() + 1);
        holds |= options.getOrDefault(symbol, "n").equals(value);
      }
      if (!holds) {
        lost.add(String.join(SEPARATOR, wish.assignments()));
      }
    }
    return lost;
  }

  /** Reads a {@code .config}; what is off is not in the result. */
  static Map<String, String> options(Path file) {
    Map<String, String> options = new LinkedHashMap<>();
    try {
      for (String line : Files.readAllLines(file)) {
        int equals = line.indexOf('=');
        if (line.startsWith("CONFIG_") && equals > 0) {
          options.put(line.substring(0, equals), line.substring(equals + 1));
        }
      }
    } catch (IOException e) {
      throw Failure.of("read " + file, e);
    }
    return options;
  }

  private static String symbolOf(String assignment) {
    return assignment.substring(0, assignment.indexOf('='));
  }
}
