package dev.casemate.protocolgenerator;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import java.util.ArrayList;
import java.util.List;

/** Writes the record of one message: its components, the codec, the builder. */
final class MessageEmitter {
  private final Source out;
  private final Comments comments;
  private final Descriptor message;
  private final List<Integer> path;
  private final List<Field> fields;

  MessageEmitter(Source out, Comments comments, Descriptor message, List<Integer> path) {
    this.out = out;
    this.comments = comments;
    this.message = message;
    this.path = path;
    this.fields = Field.of(message);
  }

  void emit() {
    documentation();
    List<String> components = new ArrayList<>();
    for (Field field : fields) {
      components.add(field.javaType() + " " + field.name);
    }
    boolean nested = message.getContainingType() != null;
    out.line(
        "public "
            + (nested ? "static " : "")
            + "record "
            + message.getName()
            + "("
            + String.join(", ", components)
            + ") implements ProtoMessage {");
    out.line("/** The name that a google.protobuf.Any gives this type. */");
    out.line("public static final String FULL_NAME = \"" + message.getFullName() + "\";");
    constructor();
    codec();
    write();
    objectMethods();
    builder();
    for (int i = 0; i < message.getNestedTypes().size(); i++) {
      Descriptor inner = message.getNestedTypes().get(i);
      if (!inner.getOptions().getMapEntry()) {
        out.line("");
        new MessageEmitter(out, comments, inner, child(3, i)).emit();
      }
    }
    for (int i = 0; i < message.getEnumTypes().size(); i++) {
      out.line("");
      emitEnum(out, comments, message.getEnumTypes().get(i), child(4, i));
    }
    out.line("}");
  }

  /**
   * Writes the constants of an enum. Fields hold plain {@code int}s, because newer senders may know
   * more values.
   */
  static void emitEnum(Source out, Comments comments, EnumDescriptor type, List<Integer> path) {
    out.line("/** " + comments.at(path, "Values of " + type.getFullName() + ".") + " */");
    out.line(
        "public "
            + (type.getContainingType() == null ? "" : "static ")
            + "final class "
            + type.getName()
            + " {");
    for (int i = 0; i < type.getValues().size(); i++) {
      List<Integer> valuePath = new ArrayList<>(path);
      valuePath.add(2);
      valuePath.add(i);
      var value = type.getValues().get(i);
      out.line("/** " + comments.at(valuePath, value.getNumber() + ".") + " */");
      out.line(
          "public static final int "
              + Names.constant(value.getName())
              + " = "
              + value.getNumber()
              + ";");
    }
    out.line("");
    out.line("private " + type.getName() + "() {}");
    out.line("}");
  }

  private List<Integer> child(int kind, int index) {
    List<Integer> child = new ArrayList<>(path);
    child.add(kind);
    child.add(index);
    return child;
  }

  private void documentation() {
    out.line("/**");
    out.line(" * " + comments.at(path, "Message " + message.getFullName() + "."));
    for (Field field : fields) {
      out.line(
          " * @param "
              + field.name
              + " "
              + comments.at(child(2, field.proto.getIndex()), "field " + field.number()));
    }
    out.line(" */");
  }

  private void constructor() {
    List<String> copies = new ArrayList<>();
    for (Field field : fields) {
      if (field.isMap()) {
        copies.add(field.name + " = ProtoMessage.copy(" + field.name + ");");
      } else if (field.isList()) {
        copies.add(field.name + " = List.copyOf(" + field.name + ");");
      }
    }
    if (!copies.isEmpty()) {
      out.line("");
      out.line("/** Copies lists and maps. */");
      out.line("public " + message.getName() + " {");
      copies.forEach(out::line);
      out.line("}");
    }
  }

  private void codec() {
    String name = message.getName();
    out.line("");
    out.line(
        "/** Reads a message that takes up the whole array; throws MalformedMessageException. */");
    out.line("public static " + name + " decode(byte[] bytes) {");
    out.line("return new Builder().merge(new ProtoReader(bytes)).build();");
    out.line("}");
    out.line("");
    out.line(
        "/** Reads a message with a length before it, as nested ones have, on top of what was read for the same field before. */");
    out.line("public static " + name + " merge(Optional<" + name + "> old, ProtoReader r) {");
    out.line("Builder b = old.isPresent() ? old.get().toBuilder() : new Builder();");
    out.line("int outer = r.enter();");
    out.line("b.merge(r);");
    out.line("r.leave(outer);");
    out.line("return b.build();");
    out.line("}");
    out.line("");
    out.line("/** A builder that holds the defaults. */");
    out.line("public static Builder builder() {");
    out.line("return new Builder();");
    out.line("}");
    out.line("");
    out.line("/** A builder that holds this message's values. */");
    out.line("public Builder toBuilder() {");
    out.line("Builder b = new Builder();");
    for (Field field : fields) {
      String value = "this." + field.name;
      if (field.isMap()) {
        out.line("b." + field.name + ".putAll(" + value + ");");
      } else if (field.isList()) {
        out.line("b." + field.name + ".addAll(" + value + ");");
      } else {
        out.line("b." + field.name + " = " + value + ";");
      }
    }
    out.line("return b;");
    out.line("}");
  }

  private void write() {
    out.line("");
    out.line("@Override");
    out.line("public void write(ProtoWriter w) {");
    for (Field field : fields) {
      writeField(field, "this." + field.name);
    }
    out.line("}");
  }

  private void writeField(Field field, String value) {
    int number = field.number();
    if (field.isMap()) {
      Field entryKey = field.mapKey();
      Field entryValue = field.mapValue();
      out.line(
          "for (Map.Entry<"
              + entryKey.boxed()
              + ", "
              + entryValue.boxed()
              + "> e : "
              + value
              + ".entrySet()) {");
      out.line("int start = w.begin(" + number + ");");
      out.line("w." + entryKey.putMethod() + "(1, e.getKey());");
      out.line("w." + entryValue.putMethod() + "(2, e.getValue());");
      out.line("w.end(start);");
      out.line("}");
    } else if (field.isList() && field.proto.isPacked()) {
      out.line("if (!" + value + ".isEmpty()) {");
      out.line("int start = w.begin(" + number + ");");
      out.line("for (" + field.single() + " v : " + value + ") {");
      out.line(field.writePacked() + ";");
      out.line("}");
      out.line("w.end(start);");
      out.line("}");
    } else if (field.isList()) {
      switch (field.writerMethod()) {
        case "string" -> out.line("w.strings(" + number + ", " + value + ");");
        case "message" -> out.line("w.messages(" + number + ", " + value + ");");
        default -> {
          out.line("for (" + field.single() + " v : " + value + ") {");
          out.line("w." + field.putMethod() + "(" + number + ", v);");
          out.line("}");
        }
      }
    } else if (field.isOptional() && !field.isMessage()) {
      out.line("if (" + value + ".isPresent()) {");
      out.line(
          "w."
              + field.putMethod()
              + "("
              + number
              + ", "
              + value
              + "."
              + field.optionalGetter()
              + "());");
      out.line("}");
    } else {
      out.line("w." + field.writerMethod() + "(" + number + ", " + value + ");");
    }
  }

  /**
   * The methods that javac would make go through method handles, which weigh kilobytes each in a
   * native image.
   */
  private void objectMethods() {
    out.line("");
    out.line("@Override");
    out.line("public boolean equals(Object o) {");
    out.line(
        "return o == this || o instanceof "
            + message.getName()
            + " other && ProtoMessage.sameEncoding(this, other);");
    out.line("}");
    out.line("");
    out.line("@Override");
    out.line("public int hashCode() {");
    out.line("return ProtoMessage.hash(this);");
    out.line("}");
    out.line("");
    out.line(
        "/** The type's name only: messages hold environments and policies, which do not belong in logs. */");
    out.line("@Override");
    out.line("public String toString() {");
    out.line("return FULL_NAME;");
    out.line("}");
  }

  private void builder() {
    out.line("");
    out.line(
        "/** Collects the values of a {@link "
            + message.getName()
            + "}. Lists and maps that are handed over are copied. */");
    out.line("public static final class Builder {");
    for (Field field : fields) {
      out.line(
          "private "
              + (field.isMap() || field.isList() ? "final " : "")
              + field.javaType()
              + " "
              + field.name
              + " = "
              + field.initial()
              + ";");
    }
    out.line("");
    out.line("private Builder() {}");
    for (Field field : fields) {
      setters(field);
    }
    new MergeEmitter(out, fields).emit();
    out.line("");
    out.line("/** The message. */");
    out.line("public " + message.getName() + " build() {");
    List<String> arguments = new ArrayList<>();
    for (Field field : fields) {
      arguments.add("this." + field.name);
    }
    out.line("return new " + message.getName() + "(" + String.join(", ", arguments) + ");");
    out.line("}");
    out.line("}");
  }

  private void setters(Field field) {
    String name = field.name;
    if (field.isMap()) {
      setter(
          "Replaces",
          name,
          field.javaType() + " v",
          "this." + name + ".clear();",
          "this." + name + ".putAll(v);");
      method(
          "Adds to",
          name,
          "put" + Names.camel(field.proto.getName()),
          field.mapKey().single() + " k, " + field.mapValue().single() + " v",
          "this." + name + ".put(k, v);");
    } else if (field.isList()) {
      setter(
          "Replaces",
          name,
          field.javaType() + " v",
          "this." + name + ".clear();",
          "this." + name + ".addAll(v);");
      method(
          "Adds to",
          name,
          "add" + Names.camel(field.proto.getName()),
          field.single() + " v",
          "this." + name + ".add(v);");
    } else if (field.isOptional()) {
      List<String> statements = new ArrayList<>();
      for (Field rival : field.rivals()) {
        statements.add("this." + rival.name + " = " + rival.initial() + ";");
      }
      statements.add("this." + name + " = v;");
      setter("Sets or removes", name, field.javaType() + " v", statements.toArray(String[]::new));
      out.line("");
      out.line("/** Sets {@code " + name + "}. */");
      out.line("public Builder " + name + "(" + field.single() + " v) {");
      out.line("return " + name + "(" + field.optionalClass() + ".of(v));");
      out.line("}");
    } else {
      setter("Sets", name, field.javaType() + " v", "this." + name + " = v;");
    }
  }

  private void setter(String verb, String name, String parameters, String... statements) {
    method(verb, name, name, parameters, statements);
  }

  private void method(
      String verb, String about, String method, String parameters, String... statements) {
    out.line("");
    out.line("/** " + verb + " {@code " + about + "}. */");
    out.line("public Builder " + method + "(" + parameters + ") {");
    for (String statement : statements) {
      out.line(statement);
    }
    out.line("return this;");
    out.line("}");
  }
}
