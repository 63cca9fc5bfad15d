package dev.casemate.base;

import java.util.Map;

/**
 * Writes values as RFC 8259 has them. What a terminal would obey is escaped, too: the text may be
 * shown on one.
 */
final class JsonWriter {
  private static final String HEX = "0123456789abcdef";

  private JsonWriter() {}

  /** Appends a value; a negative {@code indent} keeps it on one line. */
  static void write(Json value, StringBuilder out, int indent) {
    switch (value) {
      case Json.Null n -> out.append("null");
      case Json.Bool b -> out.append(b.value());
      case Json.Num n -> out.append(n.text());
      case Json.Str s -> string(s.value(), out);
      case Json.Arr a -> {
        String separator = "";
        out.append('[');
        for (Json element : a.values()) {
          out.append(separator);
          line(out, indent, 1);
          write(element, out, next(indent));
          separator = ",";
        }
        if (!a.values().isEmpty()) {
          line(out, indent, 0);
        }
        out.append(']');
      }
      case Json.Obj o -> {
        String separator = "";
        out.append('{');
        for (Map.Entry<String, Json> field : o.fields().entrySet()) {
          out.append(separator);
          line(out, indent, 1);
          string(field.getKey(), out);
          out.append(indent < 0 ? ":" : ": ");
          write(field.getValue(), out, next(indent));
          separator = ",";
        }
        if (!o.fields().isEmpty()) {
          line(out, indent, 0);
        }
        out.append('}');
      }
    }
  }

  private static int next(int indent) {
    return indent < 0 ? indent : indent + 1;
  }

  private static void line(StringBuilder out, int indent, int more) {
    if (indent >= 0) {
      out.append('\n').repeat(' ', 2 * (indent + more));
    }
  }

  private static void string(String text, StringBuilder out) {
    out.append('"');
    int at = 0;
    while (at < text.length()) {
      int c = text.codePointAt(at);
      at += Character.charCount(c);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        case '\r' -> out.append("\\r");
        default -> {
          if (PlainText.isSafe(c)) {
            out.appendCodePoint(c);
          } else if (Character.isBmpCodePoint(c)) {
            escape((char) c, out);
          } else {
            escape(Character.highSurrogate(c), out);
            escape(Character.lowSurrogate(c), out);
          }
        }
      }
    }
    out.append('"');
  }

  private static void escape(char c, StringBuilder out) {
    out.append("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) {
      out.append(HEX.charAt((c >> shift) & 15));
    }
  }
}
