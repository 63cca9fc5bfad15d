package dev.casemate.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumDescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumValueDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldOptions;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.DescriptorProtos.MessageOptions;
import com.google.protobuf.DescriptorProtos.OneofDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocolgenerator.Generator;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The generator on fields of every kind: alone, {@code optional}, in lists packed and not, in maps,
 * in oneofs.
 */
class GeneratorTest {
  private static final List<FieldDescriptorProto.Type> SCALARS =
      List.of(
          FieldDescriptorProto.Type.TYPE_INT32,
          FieldDescriptorProto.Type.TYPE_UINT32,
          FieldDescriptorProto.Type.TYPE_SINT32,
          FieldDescriptorProto.Type.TYPE_FIXED32,
          FieldDescriptorProto.Type.TYPE_SFIXED32,
          FieldDescriptorProto.Type.TYPE_INT64,
          FieldDescriptorProto.Type.TYPE_UINT64,
          FieldDescriptorProto.Type.TYPE_SINT64,
          FieldDescriptorProto.Type.TYPE_FIXED64,
          FieldDescriptorProto.Type.TYPE_SFIXED64,
          FieldDescriptorProto.Type.TYPE_FLOAT,
          FieldDescriptorProto.Type.TYPE_DOUBLE,
          FieldDescriptorProto.Type.TYPE_BOOL,
          FieldDescriptorProto.Type.TYPE_STRING,
          FieldDescriptorProto.Type.TYPE_BYTES,
          FieldDescriptorProto.Type.TYPE_ENUM,
          FieldDescriptorProto.Type.TYPE_MESSAGE);

  private static FieldDescriptorProto.Builder field(
      String name, int number, FieldDescriptorProto.Type type) {
    FieldDescriptorProto.Builder field =
        FieldDescriptorProto.newBuilder()
            .setName(name)
            .setNumber(number)
            .setType(type)
            .setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL);
    if (type == FieldDescriptorProto.Type.TYPE_ENUM) {
      field.setTypeName(".test.kinds.Colour");
    } else if (type == FieldDescriptorProto.Type.TYPE_MESSAGE) {
      field.setTypeName(".test.kinds.Kinds");
    }
    return field;
  }

  private static FileDescriptorProto kinds() {
    DescriptorProto.Builder kinds = DescriptorProto.newBuilder().setName("Kinds");
    kinds.addOneofDecl(OneofDescriptorProto.newBuilder().setName("choice"));
    int number = 1;
    for (FieldDescriptorProto.Type type : SCALARS) {
      String name = type.name().substring(5).toLowerCase(java.util.Locale.ROOT);
      kinds.addField(field("one_" + name, number++, type));
      kinds.addField(
          field("list_" + name, number++, type)
              .setLabel(FieldDescriptorProto.Label.LABEL_REPEATED));
      kinds.addField(field("choice_" + name, number++, type).setOneofIndex(0));
      if (type != FieldDescriptorProto.Type.TYPE_STRING
          && type != FieldDescriptorProto.Type.TYPE_BYTES
          && type != FieldDescriptorProto.Type.TYPE_MESSAGE) {
        kinds.addField(
            field("unpacked_" + name, number++, type)
                .setLabel(FieldDescriptorProto.Label.LABEL_REPEATED)
                .setOptions(FieldOptions.newBuilder().setPacked(false)));
      }
      String entry = "Map" + Character.toUpperCase(name.charAt(0)) + name.substring(1) + "Entry";
      kinds.addNestedType(
          DescriptorProto.newBuilder()
              .setName(entry)
              .setOptions(MessageOptions.newBuilder().setMapEntry(true))
              .addField(
                  field(
                      "key",
                      1,
                      number % 2 == 0
                          ? FieldDescriptorProto.Type.TYPE_STRING
                          : FieldDescriptorProto.Type.TYPE_SINT64))
              .addField(field("value", 2, type)));
      kinds.addField(
          field("map_" + name, number++, FieldDescriptorProto.Type.TYPE_MESSAGE)
              .setLabel(FieldDescriptorProto.Label.LABEL_REPEATED)
              .setTypeName(".test.kinds.Kinds." + entry));
    }
    int synthetic = 1;
    for (FieldDescriptorProto.Type type : SCALARS) {
      String name = "maybe_" + type.name().substring(5).toLowerCase(java.util.Locale.ROOT);
      kinds.addOneofDecl(OneofDescriptorProto.newBuilder().setName("_" + name));
      kinds.addField(
          field(name, 200 + synthetic, type).setProto3Optional(true).setOneofIndex(synthetic++));
    }
    for (String word :
        List.of(
            "class",
            "wait",
            "dev",
            "hash_code",
            "to_string",
            "encode",
            "r",
            "w",
            "b",
            "v",
            "tag",
            "outer",
            "_")) {
      kinds.addField(
          field(
              "_".equals(word) ? "x_" : word,
              100_000 + number++,
              FieldDescriptorProto.Type.TYPE_STRING));
    }
    return FileDescriptorProto.newBuilder()
        .setName("kinds.proto")
        .setPackage("test.kinds")
        .setSyntax("proto3")
        .addMessageType(kinds)
        .addEnumType(
            EnumDescriptorProto.newBuilder()
                .setName("Colour")
                .addValue(EnumValueDescriptorProto.newBuilder().setName("NONE").setNumber(0))
                .addValue(EnumValueDescriptorProto.newBuilder().setName("RED").setNumber(-3)))
        .build();
  }

  @Test
  void makesCodeForEveryKindOfField(@TempDir Path directory) throws Exception {
    FileDescriptorProto proto = kinds();
    Descriptor descriptor =
        FileDescriptor.buildFrom(proto, new FileDescriptor[0]).findMessageTypeByName("Kinds");
    Path classes =
        compile(
            directory, Generator.generate(FileDescriptorSet.newBuilder().addFile(proto).build()));
    try (URLClassLoader loader =
        new URLClassLoader(new URL[] {classes.toUri().toURL()}, getClass().getClassLoader())) {
      Class<?> type = loader.loadClass("dev.casemate.protocol.kinds.Kinds");
      assertThat(loader.loadClass("dev.casemate.protocol.kinds.Colour").getField("RED").get(null))
          .isEqualTo(-3);
      Random random = new Random(1);
      for (int i = 0; i < 300; i++) {
        DynamicMessage theirs = RandomMessages.message(random, descriptor, 3);
        byte[] bytes = theirs.toByteArray();
        ProtoMessage ours = RandomMessages.decode(type, bytes);
        assertThat(DynamicMessage.parseFrom(descriptor, ours.encode())).isEqualTo(theirs);
        Object builder = type.getMethod("toBuilder").invoke(ours);
        assertThat(builder.getClass().getMethod("build").invoke(builder)).isEqualTo(ours);
      }
      Object builder = type.getMethod("builder").invoke(null);
      builder.getClass().getMethod("choiceInt32", int.class).invoke(builder, 5);
      builder.getClass().getMethod("choiceString", String.class).invoke(builder, "last");
      Object chosen = builder.getClass().getMethod("build").invoke(builder);
      assertThat(type.getMethod("choiceInt32").invoke(chosen))
          .isEqualTo(java.util.OptionalInt.empty());
      assertThat(type.getMethod("choiceString").invoke(chosen))
          .isEqualTo(java.util.Optional.of("last"));
    }
  }

  private static Path compile(Path directory, Map<String, String> sources) throws Exception {
    Path classes = Files.createDirectories(directory.resolve("classes"));
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "-Xlint:all",
                "-Werror",
                "-d",
                classes.toString(),
                "-cp",
                System.getProperty("java.class.path")));
    for (Map.Entry<String, String> source : sources.entrySet()) {
      Path path = directory.resolve(source.getKey());
      Files.createDirectories(path.getParent());
      Files.writeString(path, source.getValue());
      arguments.add(path.toString());
    }
    int status =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(System.out, System.err, arguments.toArray(String[]::new));
    assertThat(status).isZero();
    return classes;
  }

  @Test
  void refusesWhatItDoesNotKnow() {
    FileDescriptorProto proto2 =
        FileDescriptorProto.newBuilder()
            .setName("old.proto")
            .setSyntax("proto2")
            .setPackage("old")
            .build();
    assertThatThrownBy(
            () -> Generator.generate(FileDescriptorSet.newBuilder().addFile(proto2).build()))
        .hasMessageContaining("only proto3");
    FileDescriptorProto nowhere =
        FileDescriptorProto.newBuilder()
            .setName("nowhere.proto")
            .setSyntax("proto3")
            .setPackage("v1")
            .addMessageType(DescriptorProto.newBuilder().setName("M"))
            .build();
    assertThatThrownBy(
            () -> Generator.generate(FileDescriptorSet.newBuilder().addFile(nowhere).build()))
        .hasMessageContaining("java_package");
    FileDescriptorProto alone =
        FileDescriptorProto.newBuilder()
            .setName("alone.proto")
            .setSyntax("proto3")
            .setPackage("a")
            .addDependency("other.proto")
            .build();
    assertThatThrownBy(
            () -> Generator.generate(FileDescriptorSet.newBuilder().addFile(alone).build()))
        .hasMessageContaining("other.proto");
  }
}
