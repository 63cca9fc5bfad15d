package dev.casemate.oci;

import java.util.Map;

/** Writes values as RFC 8259 has them. */
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
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        case '\r' -> out.append("\\r");
        default -> {
          if (c < ' ' || c == 0x7f) {
            out.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
