package dev.casemate.oci;

import dev.casemate.base.CasemateException;
import dev.casemate.base.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** What the runtime-spec records share: bounded numbers in, only what is set out. */
final class SpecJson {
  private SpecJson() {}

  private static CasemateException wrong(Json.Obj object, String name, String expected) {
    String at = object.path().isEmpty() ? name : object.path() + "." + name;
    return CasemateException.of(
        CasemateException.Kind.INVALID_ARGUMENT,
        "JSON field \"" + at + "\" is out of range, expected " + expected + "; correct the field");
  }

  /** A uint32: the upper half of the range is a negative int. */
  static int uint32(Json.Obj object, String name, int otherwise) {
    long value = object.integer(name, otherwise & 0xffffffffL);
    if (value < 0 || value > 0xffffffffL) {
      throw wrong(object, name, "0 to 4294967295");
    }
    return (int) value;
  }

  static int int32(Json.Obj object, String name, int otherwise) {
    long value = object.integer(name, otherwise);
    if (value != (int) value) {
      throw wrong(object, name, "an integer of 32 bits");
    }
    return (int) value;
  }

  static Optional<Integer> optionalUint32(Json.Obj object, String name) {
    return object.has(name) ? Optional.of(uint32(object, name, 0)) : Optional.empty();
  }

  static Optional<Integer> optionalInt32(Json.Obj object, String name) {
    return object.has(name) ? Optional.of(int32(object, name, 0)) : Optional.empty();
  }

  static Optional<Boolean> optionalBool(Json.Obj object, String name) {
    return object.has(name) ? Optional.of(object.bool(name, false)) : Optional.empty();
  }

  static List<Integer> uint32s(Json.Obj object, String name) {
    List<Integer> result = new ArrayList<>();
    for (long value : object.integers(name)) {
      if (value < 0 || value > 0xffffffffL) {
        throw wrong(object, name, "0 to 4294967295");
      }
      result.add((int) value);
    }
    return result;
  }

  static <T> List<T> list(Json.Obj object, String name, Function<Json.Obj, T> parser) {
    List<T> result = new ArrayList<>();
    for (Json.Obj element : object.objects(name)) {
      result.add(parser.apply(element));
    }
    return result;
  }

  static void put(Json.Obj object, String name, String value) {
    if (!value.isEmpty()) {
      object.put(name, value);
    }
  }

  static void put(Json.Obj object, String name, boolean value) {
    if (value) {
      object.put(name, true);
    }
  }

  static void putLong(Json.Obj object, String name, Optional<Long> value) {
    if (value.isPresent()) {
      object.put(name, value.get());
    }
  }

  /** A uint64, whose upper half is a negative long. */
  static void putUnsigned(Json.Obj object, String name, Optional<Long> value) {
    if (value.isPresent()) {
      object.put(name, new Json.Num(Long.toUnsignedString(value.get())));
    }
  }

  static void putInt(Json.Obj object, String name, Optional<Integer> value) {
    if (value.isPresent()) {
      object.put(name, value.get());
    }
  }

  static void putUint32(Json.Obj object, String name, Optional<Integer> value) {
    if (value.isPresent()) {
      object.put(name, value.get() & 0xffffffffL);
    }
  }

  static void putBool(Json.Obj object, String name, Optional<Boolean> value) {
    if (value.isPresent()) {
      object.put(name, value.get());
    }
  }

  static void put(Json.Obj object, String name, List<String> values) {
    if (!values.isEmpty()) {
      object.putStrings(name, values);
    }
  }

  static void put(Json.Obj object, String name, Map<String, String> values) {
    if (!values.isEmpty()) {
      object.putMap(name, values);
    }
  }

  static void putUint32s(Json.Obj object, String name, List<Integer> values) {
    if (!values.isEmpty()) {
      List<Json> numbers = new ArrayList<>();
      for (int value : values) {
        numbers.add(Json.Num.of(value & 0xffffffffL));
      }
      object.put(name, new Json.Arr(numbers));
    }
  }

  static <T> void putList(
      Json.Obj object, String name, List<T> values, Function<T, Json.Obj> writer) {
    if (!values.isEmpty()) {
      List<Json.Obj> objects = new ArrayList<>();
      for (T value : values) {
        objects.add(writer.apply(value));
      }
      object.putObjects(name, objects);
    }
  }

  static void put(Json.Obj object, String name, Json.Obj value) {
    if (!value.fields().isEmpty()) {
      object.put(name, value);
    }
  }
}
