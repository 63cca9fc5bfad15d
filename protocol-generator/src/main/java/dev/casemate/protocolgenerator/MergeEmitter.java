package dev.casemate.protocolgenerator;

import java.util.List;

/** Writes the method that reads a message's fields into its builder. */
final class MergeEmitter {
  private final Source out;
  private final List<Field> fields;

  MergeEmitter(Source out, List<Field> fields) {
    this.out = out;
    this.fields = fields;
  }

  void emit() {
    out.line("");
    out.line("/** Reads fields up to the reader's end. */");
    out.line("public Builder merge(ProtoReader r) {");
    out.line("int tag;");
    out.line("while ((tag = r.tag()) != 0) {");
    out.line("switch (tag) {");
    for (Field field : fields) {
      if (field.isMap()) {
        map(field);
      } else if (field.isList()) {
        list(field);
      } else {
        single(field);
      }
    }
    out.line("default -> r.skip(tag);");
    out.line("}");
    out.line("}");
    out.line("return this;");
    out.line("}");
  }

  private static String label(Field field, int wireType) {
    return "case " + ((field.number() << 3) | wireType) + " -> ";
  }

  private void single(Field field) {
    String target = "this." + field.name;
    String value = field.readOne();
    if (field.isMessage()) {
      value = field.single() + ".merge(" + target + ", r)";
    }
    if (field.isOptional()) {
      value = field.optionalClass() + ".of(" + value + ")";
    }
    if (field.rivals().isEmpty()) {
      out.line(label(field, field.wireType()) + target + " = " + value + ";");
    } else {
      out.line(label(field, field.wireType()) + field.name + "(" + value + ");");
    }
  }

  private void list(Field field) {
    String add = "this." + field.name + ".add(" + field.readOne() + ");";
    out.line(label(field, field.wireType()) + "{");
    if (!field.isMessage()) {
      out.line("r.element();");
    }
    out.line(add);
    out.line("}");
    if (field.proto.isPackable()) {
      // A reader takes packed and unpacked lists alike (protobuf.dev, "Packed Repeated Fields").
      out.line(label(field, 2) + "{");
      out.line("int outer = r.enterPacked();");
      out.line("while (r.hasMore()) {");
      out.line("r.element();");
      out.line(add);
      out.line("}");
      out.line("r.leavePacked(outer);");
      out.line("}");
    }
  }

  private void map(Field field) {
    Field key = field.mapKey();
    Field value = field.mapValue();
    out.line(label(field, 2) + "{");
    out.line("int outer = r.enter();");
    out.line(key.single() + " k = " + key.zero() + ";");
    out.line(value.single() + " v = " + value.zero() + ";");
    out.line("int t;");
    out.line("while ((t = r.tag()) != 0) {");
    out.line("switch (t) {");
    out.line(label(key, key.wireType()) + "k = " + key.readOne() + ";");
    String read =
        value.isMessage() ? value.single() + ".merge(Optional.of(v), r)" : value.readOne();
    out.line(label(value, value.wireType()) + "v = " + read + ";");
    out.line("default -> r.skip(t);");
    out.line("}");
    out.line("}");
    out.line("r.leave(outer);");
    out.line("this." + field.name + ".put(k, v);");
    out.line("}");
  }
}
