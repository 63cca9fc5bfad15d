package dev.casemate.protocolgenerator;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import java.util.ArrayList;
import java.util.List;

/** One field of a message as Java knows it. */
final class Field {
  final FieldDescriptor proto;
  final String name;

  Field(FieldDescriptor proto) {
    this.proto = proto;
    this.name = Names.field(proto.getName());
  }

  static List<Field> of(com.google.protobuf.Descriptors.Descriptor message) {
    List<Field> fields = new ArrayList<>();
    for (FieldDescriptor proto : message.getFields()) {
      fields.add(new Field(proto));
    }
    fields.sort((a, b) -> Integer.compare(a.number(), b.number()));
    return fields;
  }

  int number() {
    return proto.getNumber();
  }

  boolean isMap() {
    return proto.isMapField();
  }

  boolean isList() {
    return proto.isRepeated() && !proto.isMapField();
  }

  boolean isMessage() {
    return proto.getJavaType() == FieldDescriptor.JavaType.MESSAGE;
  }

  /** Whether the field can be absent: a nested message, {@code optional}, or one of a oneof. */
  boolean isOptional() {
    return !proto.isRepeated() && proto.hasPresence();
  }

  /** The other fields of the same oneof, which setting this one clears. */
  List<Field> rivals() {
    List<Field> rivals = new ArrayList<>();
    OneofDescriptor oneof = proto.getRealContainingOneof();
    if (oneof != null) {
      for (FieldDescriptor other : oneof.getFields()) {
        if (other != proto) {
          rivals.add(new Field(other));
        }
      }
    }
    return rivals;
  }

  Field mapKey() {
    return new Field(proto.getMessageType().findFieldByNumber(1));
  }

  Field mapValue() {
    return new Field(proto.getMessageType().findFieldByNumber(2));
  }

  /** The record component's type. */
  String javaType() {
    if (isMap()) {
      return "Map<" + mapKey().boxed() + ", " + mapValue().boxed() + ">";
    }
    if (isList()) {
      return "List<" + boxed() + ">";
    }
    return isOptional() ? optionalType() : single();
  }

  private String optionalType() {
    return switch (single()) {
      case "int" -> "OptionalInt";
      case "long" -> "OptionalLong";
      case "double" -> "OptionalDouble";
      default -> "Optional<" + boxed() + ">";
    };
  }

  /** The class whose {@code of} and {@code empty} make the optional value. */
  String optionalClass() {
    String type = optionalType();
    return type.startsWith("Optional<") ? "Optional" : type;
  }

  /** How a present optional value is taken out. */
  String optionalGetter() {
    return switch (optionalClass()) {
      case "OptionalInt" -> "getAsInt";
      case "OptionalLong" -> "getAsLong";
      case "OptionalDouble" -> "getAsDouble";
      default -> "get";
    };
  }

  /** The type of one value. */
  String single() {
    return switch (proto.getJavaType()) {
      case INT, ENUM -> "int";
      case LONG -> "long";
      case FLOAT -> "float";
      case DOUBLE -> "double";
      case BOOLEAN -> "boolean";
      case STRING -> "String";
      case BYTE_STRING -> "byte[]";
      case MESSAGE -> Types.javaName(proto.getMessageType());
    };
  }

  /** The type of one value where only references can stand. */
  String boxed() {
    return switch (single()) {
      case "int" -> "Integer";
      case "long" -> "Long";
      case "float" -> "Float";
      case "double" -> "Double";
      case "boolean" -> "Boolean";
      default -> single();
    };
  }

  /** What a builder's field, or a map's key or value, is before anything is read. */
  String initial() {
    if (isMap()) {
      return "new LinkedHashMap<>()";
    }
    if (isList()) {
      return "new ArrayList<>()";
    }
    return isOptional() ? optionalClass() + ".empty()" : zero();
  }

  /** A single value's default. */
  String zero() {
    return switch (proto.getJavaType()) {
      case INT, ENUM, LONG, FLOAT, DOUBLE -> "0";
      case BOOLEAN -> "false";
      case STRING -> "\"\"";
      case BYTE_STRING -> "ProtoMessage.NO_BYTES";
      case MESSAGE -> single() + ".builder().build()";
    };
  }

  /** An expression that reads one value. */
  String readOne() {
    return switch (proto.getType()) {
      case INT32, UINT32, ENUM -> "r.varint32()";
      case INT64, UINT64 -> "r.varint64()";
      case SINT32 -> "r.zigzag32()";
      case SINT64 -> "r.zigzag64()";
      case FIXED32, SFIXED32 -> "r.fixed32()";
      case FIXED64, SFIXED64 -> "r.fixed64()";
      case FLOAT -> "Float.intBitsToFloat(r.fixed32())";
      case DOUBLE -> "Double.longBitsToDouble(r.fixed64())";
      case BOOL -> "r.bool()";
      case STRING -> "r.string()";
      case BYTES -> "r.bytes()";
      case MESSAGE -> single() + ".merge(Optional.empty(), r)";
      case GROUP ->
          throw new IllegalArgumentException(
              proto.getFullName() + " is a group, which proto3 does not support");
    };
  }

  /** The writer's method for one value, without {@code put}. */
  String writerMethod() {
    return switch (proto.getType()) {
      case INT32, ENUM -> "int32";
      case UINT32 -> "uint32";
      case INT64, UINT64 -> "int64";
      case SINT32 -> "sint32";
      case SINT64 -> "sint64";
      case FIXED32, SFIXED32 -> "fixed32";
      case FIXED64, SFIXED64 -> "fixed64";
      case FLOAT -> "floating";
      case DOUBLE -> "doubling";
      case BOOL -> "bool";
      case STRING -> "string";
      case BYTES -> "bytes";
      case MESSAGE -> "message";
      case GROUP ->
          throw new IllegalArgumentException(
              proto.getFullName() + " is a group, which proto3 does not support");
    };
  }

  /** The writer's method that writes one value whatever it is. */
  String putMethod() {
    return "put" + Names.camel(writerMethod());
  }

  /** The statement that appends one element {@code v} to a packed list. */
  String writePacked() {
    return switch (proto.getType()) {
      case INT32, ENUM -> "w.raw((long) v)";
      case UINT32, INT64, UINT64 -> "w.raw(v)";
      case SINT32, SINT64 -> "w.raw(ProtoWriter.zigzag(v))";
      case FIXED32, SFIXED32, FIXED64, SFIXED64 -> "w.rawFixed(v)";
      case FLOAT -> "w.rawFixed(Float.floatToRawIntBits(v))";
      case DOUBLE -> "w.rawFixed(Double.doubleToRawLongBits(v))";
      case BOOL -> "w.raw(v ? 1 : 0)";
      default -> throw new IllegalArgumentException(proto.getFullName() + " cannot be packed");
    };
  }

  /** The wire type of one value. */
  int wireType() {
    return switch (proto.getType()) {
      case INT32, UINT32, SINT32, ENUM, INT64, UINT64, SINT64, BOOL -> 0;
      case FIXED64, SFIXED64, DOUBLE -> 1;
      case STRING, BYTES, MESSAGE -> 2;
      case GROUP -> 3;
      case FIXED32, SFIXED32, FLOAT -> 5;
    };
  }
}
