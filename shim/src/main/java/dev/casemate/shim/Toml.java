package dev.casemate.shim;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of TOML that a configuration file of ours needs: tables, and keys with a string, an
 * integer, true or false, or an array of strings. Anything else is an error that names the line.
 */
final class Toml {
  /** Values by {@code table.key}: String, Long, Boolean or List. */
  private final Map<String, Object> values = new LinkedHashMap<>();

  private final String name;
  private final String text;
  private int at;
  private int line = 1;

  private Toml(String name, String text) {
    this.name = name;
    this.text = text;
  }

  /**
   * Parses a text.
   *
   * @param name the file's, for messages
   * @return values by {@code table.key}: {@link String}, {@link Long}, {@link Boolean} or a {@link
   *     List} of strings
   */
  static Map<String, Object> parse(String name, String text) {
    Toml toml = new Toml(name, text);
    toml.document();
    return toml.values;
  }

  private CasemateException error(String what) {
    return CasemateException.of(Kind.INVALID_ARGUMENT, name + ", line " + line + ": " + what);
  }

  private char peek() {
    return at < text.length() ? text.charAt(at) : '\n';
  }

  private boolean atEnd() {
    return at >= text.length();
  }

  private void document() {
    String table = "";
    while (true) {
      skipLines();
      if (atEnd()) {
        return;
      }
      if (peek() == '[') {
        at++;
        table = key() + ".";
        expect(']');
      } else {
        String key = table + key();
        expect('=');
        if (values.put(key, value()) != null) {
          throw error("key \"" + key + "\" is defined twice");
        }
      }
      endOfLine();
    }
  }

  /** Blanks, comments and line ends. */
  private void skipLines() {
    while (!atEnd()) {
      char c = peek();
      if (c == '#') {
        skipComment();
      } else if (c == '\n') {
        line++;
        at++;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        at++;
      } else {
        return;
      }
    }
  }

  private void skipComment() {
    while (!atEnd() && peek() != '\n') {
      at++;
    }
  }

  private void skipBlanks() {
    while (!atEnd() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) {
      at++;
    }
  }

  private void endOfLine() {
    skipBlanks();
    if (peek() == '#') {
      skipComment();
    }
    if (peek() != '\n') {
      throw error("unexpected \"" + peek() + "\" after the value");
    }
  }

  private void expect(char wanted) {
    skipBlanks();
    if (atEnd() || peek() != wanted) {
      throw error("expected \"" + wanted + "\"");
    }
    at++;
  }

  /** A bare or quoted key, with dots. */
  private String key() {
    StringBuilder key = new StringBuilder();
    while (true) {
      skipBlanks();
      char c = peek();
      if (c == '"' || c == '\'') {
        key.append(string());
      } else {
        int start = at;
        while (!atEnd() && isBare(peek())) {
          at++;
        }
        if (at == start) {
          throw error("expected a key, not \"" + c + "\"");
        }
        key.append(text, start, at);
      }
      skipBlanks();
      if (peek() != '.') {
        return key.toString();
      }
      at++;
      key.append('.');
    }
  }

  private static boolean isBare(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '_'
        || c == '-';
  }

  private Object value() {
    skipBlanks();
    char c = peek();
    if (c == '"' || c == '\'') {
      return string();
    }
    if (c == '[') {
      return array();
    }
    int start = at;
    while (!atEnd() && (isBare(peek()) || peek() == '+' || peek() == '.')) {
      at++;
    }
    String word = text.substring(start, at);
    if (word.equals("true") || word.equals("false")) {
      return word.equals("true");
    }
    try {
      return Long.parseLong(word.replace("_", ""));
    } catch (NumberFormatException e) {
      throw error(
          "value \"" + word + "\" is not a quoted string, an integer, true, false or [\"…\"]");
    }
  }

  private List<String> array() {
    List<String> strings = new ArrayList<>();
    at++;
    while (true) {
      skipLines();
      if (peek() == ']') {
        at++;
        return strings;
      }
      if (atEnd() || (peek() != '"' && peek() != '\'')) {
        throw error("an array may contain only quoted strings");
      }
      strings.add(string());
      skipLines();
      if (peek() == ',') {
        at++;
      } else if (peek() != ']') {
        throw error("expected \",\" or \"]\" in an array");
      }
    }
  }

  private String string() {
    char quote = peek();
    at++;
    StringBuilder string = new StringBuilder();
    while (true) {
      if (atEnd() || peek() == '\n') {
        throw error("a string has no closing quote");
      }
      char c = text.charAt(at++);
      if (c == quote) {
        return string.toString();
      }
      if (c != '\\' || quote == '\'') {
        string.append(c);
        continue;
      }
      char escaped = peek();
      at++;
      switch (escaped) {
        case '"', '\\' -> string.append(escaped);
        case 'n' -> string.append('\n');
        case 't' -> string.append('\t');
        case 'r' -> string.append('\r');
        default -> throw error("escape \"\\" + escaped + "\" is unknown");
      }
    }
  }
}
