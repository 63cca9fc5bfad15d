package dev.casemate.base;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A strict parser of RFC 8259 for input that may be hostile: nesting is at most {@value #MAX_DEPTH}
 * deep, the caller bounds the length.
 */
public final class JsonReader {
  static final int MAX_DEPTH = 128;

  private final String text;
  private int at;

  JsonReader(String text) {
    this.text = text;
  }

  Json document() {
    Json value = value(0);
    blank();
    if (at < text.length()) {
      throw error("text after the end of the document");
    }
    return value;
  }

  private CasemateException error(String what) {
    int line = 1;
    int column = 1;
    for (int i = 0; i < at && i < text.length(); i++) {
      if (text.charAt(i) == '\n') {
        line++;
        column = 1;
      } else {
        column++;
      }
    }
    return CasemateException.of(
        CasemateException.Kind.CORRUPT,
        "not valid JSON at line " + line + ", column " + column + ": " + what);
  }

  private void blank() {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
        return;
      }
      at++;
    }
  }

  private Json value(int depth) {
    if (depth > MAX_DEPTH) {
      throw error("nested deeper than " + MAX_DEPTH);
    }
    blank();
    if (at >= text.length()) {
      throw error("unexpected end of the document");
    }
    char c = text.charAt(at);
    return switch (c) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> new Json.Str(string());
      case 't' -> word("true", new Json.Bool(true));
      case 'f' -> word("false", new Json.Bool(false));
      case 'n' -> word("null", new Json.Null());
      default -> number();
    };
  }

  private Json word(String word, Json value) {
    if (!text.startsWith(word, at)) {
      throw error("unknown literal");
    }
    at += word.length();
    return value;
  }

  private Json object(int depth) {
    at++;
    Map<String, Json> fields = new LinkedHashMap<>();
    blank();
    if (peek() == '}') {
      at++;
      return new Json.Obj(fields, "");
    }
    while (true) {
      blank();
      if (peek() != '"') {
        throw error("expected a field name in quotes");
      }
      String name = string();
      blank();
      if (peek() != ':') {
        throw error("expected ':' after a field name");
      }
      at++;
      fields.put(name, value(depth + 1));
      blank();
      char c = peek();
      at++;
      if (c == '}') {
        return new Json.Obj(fields, "");
      }
      if (c != ',') {
        at--;
        throw error("expected ',' or '}'");
      }
    }
  }

  private Json array(int depth) {
    at++;
    List<Json> values = new ArrayList<>();
    blank();
    if (peek() == ']') {
      at++;
      return new Json.Arr(values);
    }
    while (true) {
      values.add(value(depth + 1));
      blank();
      char c = peek();
      at++;
      if (c == ']') {
        return new Json.Arr(values);
      }
      if (c != ',') {
        at--;
        throw error("expected ',' or ']'");
      }
    }
  }

  private char peek() {
    if (at >= text.length()) {
      throw error("unexpected end of the document");
    }
    return text.charAt(at);
  }

  private String string() {
    at++;
    int start = at;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '"') {
        return text.substring(start, at++);
      }
      if (c == '\\') {
        return escapedString(start);
      }
      if (c < ' ') {
        throw error("control character in a string");
      }
      at++;
    }
    throw error("unterminated string");
  }

  private String escapedString(int start) {
    StringBuilder plain = new StringBuilder(text.substring(start, at));
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') {
        return plain.toString();
      }
      if (c < ' ') {
        throw error("control character in a string");
      }
      if (c != '\\') {
        plain.append(c);
        continue;
      }
      char escape = peek();
      at++;
      switch (escape) {
        case '"', '\\', '/' -> plain.append(escape);
        case 'b' -> plain.append('\b');
        case 'f' -> plain.append('\f');
        case 'n' -> plain.append('\n');
        case 'r' -> plain.append('\r');
        case 't' -> plain.append('\t');
        case 'u' -> plain.append(unicode());
        default -> throw error("unknown escape in a string");
      }
    }
    throw error("unterminated string");
  }

  private char unicode() {
    if (at + 4 > text.length()) {
      throw error("\\u requires four hexadecimal digits");
    }
    int code = 0;
    for (int i = 0; i < 4; i++) {
      int digit = Character.digit(text.charAt(at++), 16);
      if (digit < 0) {
        throw error("\\u requires four hexadecimal digits");
      }
      code = code * 16 + digit;
    }
    return (char) code;
  }

  private Json number() {
    int start = at;
    if (peek() == '-') {
      at++;
    }
    int digits = digits();
    if (digits == 0) {
      at = start;
      throw error("unexpected character");
    }
    if (digits > 1 && text.charAt(at - digits) == '0') {
      throw error("a number has a leading zero");
    }
    if (at < text.length() && text.charAt(at) == '.') {
      at++;
      if (digits() == 0) {
        throw error("a number has no digit after the point");
      }
    }
    if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
      at++;
      if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
        at++;
      }
      if (digits() == 0) {
        throw error("a number has no digit in its exponent");
      }
    }
    return new Json.Num(text.substring(start, at));
  }

  private int digits() {
    int start = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    return at - start;
  }
}
