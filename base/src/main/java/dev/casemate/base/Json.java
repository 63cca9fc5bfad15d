package dev.casemate.base;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * JSON values (RFC 8259). Deliberately small: it is on the start path, where a large parser would
 * cost more than the file that it reads.
 *
 * <p>The accessors of {@link Obj} name the wrong field and its value, so that a hostile or mistyped
 * {@code config.json} causes a readable error instead of a ClassCastException.
 */
public sealed interface Json {
  /** The value {@code null}. */
  record Null() implements Json {}

  record Bool(boolean value) implements Json {}

  /** A number as it was written: integers keep all their digits. */
  record Num(String text) implements Json {
    public static Num of(long value) {
      return new Num(Long.toString(value));
    }

    public static Num of(double value) {
      return new Num(Double.toString(value));
    }
  }

  record Str(String value) implements Json {}

  record Arr(List<Json> values) implements Json {
    public static Arr ofStrings(List<String> strings) {
      List<Json> values = new ArrayList<>(strings.size());
      for (String string : strings) {
        values.add(new Str(string));
      }
      return new Arr(values);
    }
  }

  /**
   * An object; fields keep their order, of equal names the last one counts.
   *
   * @param path where it is in its document, for messages
   * @param anyCase whether a field is found by its name in another case, too: see {@link
   *     #inAnyCase}
   */
  record Obj(Map<String, Json> fields, String path, boolean anyCase) implements Json {
    public Obj() {
      this(new LinkedHashMap<>(), "");
    }

    public Obj(Map<String, Json> fields, String path) {
      this(fields, path, false);
    }

    /**
     * The same, with names of fields that may be in any case, as Go's programs read them; one in
     * the right case counts first. For documents that such programs share with us.
     */
    public Obj inAnyCase() {
      return new Obj(fields, path, true);
    }

    private CasemateException wrong(String name, String expected, Json found) {
      return CasemateException.of(
          CasemateException.Kind.INVALID_ARGUMENT,
          "JSON field \""
              + at(name)
              + "\" is "
              + kindOf(found)
              + ", expected "
              + expected
              + "; correct the field");
    }

    /** Where a field is, for a message. */
    private String at(String name) {
      String shown = PlainText.line(name, PlainText.QUOTE_LIMIT);
      return path.isEmpty() ? shown : path + "." + shown;
    }

    /** The field, unless it is absent or null. */
    public Optional<Json> find(String name) {
      Json value = fields.get(name);
      if (value == null && anyCase) {
        value = similar(name);
      }
      return value == null || value instanceof Null ? Optional.empty() : Optional.of(value);
    }

    private @Nullable Json similar(String name) {
      Json found = null;
      for (Map.Entry<String, Json> field : fields.entrySet()) {
        if (field.getKey().equalsIgnoreCase(name)) {
          found = field.getValue();
        }
      }
      return found;
    }

    public boolean has(String name) {
      return find(name).isPresent();
    }

    public String string(String name) {
      return string(name, "");
    }

    public String string(String name, String otherwise) {
      return switch (find(name).orElse(null)) {
        case null -> otherwise;
        case Str s -> s.value();
        case Json other -> throw wrong(name, "a string", other);
      };
    }

    public long integer(String name, long otherwise) {
      Json value = find(name).orElse(null);
      if (value == null) {
        return otherwise;
      }
      if (value instanceof Num n) {
        return parse(n, name);
      }
      throw wrong(name, "an integer", value);
    }

    private long parse(Num n, String name) {
      try {
        return Long.parseLong(n.text());
      } catch (NumberFormatException e) {
        try {
          // The runtime-spec has uint64 fields: their upper half wraps, as two's complement.
          if (!n.text().startsWith("-")) {
            return Long.parseUnsignedLong(n.text());
          }
        } catch (NumberFormatException stillNone) {
          // falls through to the error below
        }
        throw wrong(name, "an integer of 64 bits", n);
      }
    }

    public Optional<Long> integer(String name) {
      return has(name) ? Optional.of(integer(name, 0)) : Optional.empty();
    }

    public boolean bool(String name, boolean otherwise) {
      return switch (find(name).orElse(null)) {
        case null -> otherwise;
        case Bool b -> b.value();
        case Json other -> throw wrong(name, "true or false", other);
      };
    }

    /** The field as an object; empty if it is absent. */
    public Optional<Obj> object(String name) {
      return switch (find(name).orElse(null)) {
        case null -> Optional.empty();
        case Obj o -> Optional.of(new Obj(o.fields(), at(name), anyCase));
        case Json other -> throw wrong(name, "an object", other);
      };
    }

    /** The field as a list; empty if it is absent. */
    public List<Json> array(String name) {
      return switch (find(name).orElse(null)) {
        case null -> List.of();
        case Arr a -> a.values();
        case Json other -> throw wrong(name, "an array", other);
      };
    }

    public List<String> strings(String name) {
      List<String> strings = new ArrayList<>();
      for (Json value : array(name)) {
        if (!(value instanceof Str s)) {
          throw wrong(name, "an array of strings", value);
        }
        strings.add(s.value());
      }
      return strings;
    }

    public List<Long> integers(String name) {
      List<Long> integers = new ArrayList<>();
      for (Json value : array(name)) {
        if (!(value instanceof Num n)) {
          throw wrong(name, "an array of integers", value);
        }
        integers.add(parse(n, name));
      }
      return integers;
    }

    public List<Obj> objects(String name) {
      List<Obj> objects = new ArrayList<>();
      for (Json value : array(name)) {
        if (!(value instanceof Obj o)) {
          throw wrong(name, "an array of objects", value);
        }
        objects.add(new Obj(o.fields(), at(name) + "[" + objects.size() + "]", anyCase));
      }
      return objects;
    }

    /** The field as a map of strings; empty if it is absent. */
    public Map<String, String> stringMap(String name) {
      Map<String, String> map = new LinkedHashMap<>();
      Obj object = object(name).orElse(null);
      if (object != null) {
        for (String key : object.fields().keySet()) {
          map.put(key, object.string(key));
        }
      }
      return map;
    }

    public Obj put(String name, Json value) {
      fields.put(name, value);
      return this;
    }

    public Obj put(String name, String value) {
      return put(name, new Str(value));
    }

    public Obj put(String name, long value) {
      return put(name, Num.of(value));
    }

    public Obj put(String name, boolean value) {
      return put(name, new Bool(value));
    }

    public Obj putStrings(String name, List<String> values) {
      return put(name, Arr.ofStrings(values));
    }

    public Obj putObjects(String name, List<Obj> values) {
      return put(name, new Arr(new ArrayList<>(values)));
    }

    public Obj putMap(String name, Map<String, String> values) {
      Obj object = new Obj();
      for (Map.Entry<String, String> entry : values.entrySet()) {
        object.put(entry.getKey(), entry.getValue());
      }
      return put(name, object);
    }
  }

  /** Parses a text that contains one value; see {@link JsonReader} for the limits. */
  static Json parse(String text) {
    return new JsonReader(text).document();
  }

  /** Parses a text that contains one object. */
  static Obj parseObject(String text) {
    Json value = parse(text);
    if (value instanceof Obj object) {
      return object;
    }
    throw CasemateException.of(
        CasemateException.Kind.CORRUPT,
        "JSON document is " + kindOf(value) + ", expected an object");
  }

  /** The value on one line. */
  default String text() {
    StringBuilder out = new StringBuilder();
    JsonWriter.write(this, out, -1);
    return out.toString();
  }

  /** The value as indented text, two spaces per level. */
  default String pretty() {
    StringBuilder out = new StringBuilder();
    JsonWriter.write(this, out, 0);
    return out.append('\n').toString();
  }

  private static String kindOf(Json value) {
    return switch (value) {
      case Null n -> "null";
      case Bool b -> "a boolean";
      case Num n -> "the number " + (n.text().length() > 40 ? "…" : n.text());
      case Str s -> "a string";
      case Arr a -> "an array";
      case Obj o -> "an object";
    };
  }
}
