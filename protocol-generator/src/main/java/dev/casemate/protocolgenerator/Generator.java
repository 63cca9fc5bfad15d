package dev.casemate.protocolgenerator;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes Java sources from a descriptor set: a record for each message, a class of constants for
 * each enum and each service. The code leans on {@code dev.casemate.protobuf.ProtoReader} and
 * {@code ProtoWriter} and needs no reflection.
 */
public final class Generator {
  private Generator() {}

  /**
   * Generates.
   *
   * @param set what protoc wrote with {@code --include_imports}, files after those that they
   *     import; with {@code --include_source_info} the texts' comments become Javadoc
   * @return Java source texts by their paths below the source root
   * @throws IllegalArgumentException if a file has no package, is not proto3, or the set is not
   *     whole
   */
  public static Map<String, String> generate(FileDescriptorSet set) {
    Map<String, String> sources = new LinkedHashMap<>();
    Map<String, FileDescriptor> done = new LinkedHashMap<>();
    for (FileDescriptorProto proto : set.getFileList()) {
      FileDescriptor file = link(proto, done);
      done.put(proto.getName(), file);
      if (!proto.getSyntax().equals("proto3")) {
        throw new IllegalArgumentException(
            proto.getName() + " has syntax '" + proto.getSyntax() + "'; only proto3 is supported");
      }
      generateFile(file, new Comments(proto), sources);
    }
    return sources;
  }

  private static FileDescriptor link(FileDescriptorProto proto, Map<String, FileDescriptor> done) {
    FileDescriptor[] imports = new FileDescriptor[proto.getDependencyCount()];
    for (int i = 0; i < imports.length; i++) {
      FileDescriptor imported = done.get(proto.getDependency(i));
      if (imported == null) {
        throw new IllegalArgumentException(
            proto.getName()
                + " imports "
                + proto.getDependency(i)
                + ", which does not precede it in the set");
      }
      imports[i] = imported;
    }
    try {
      return FileDescriptor.buildFrom(proto, imports);
    } catch (DescriptorValidationException e) {
      throw new IllegalArgumentException(proto.getName() + " is not valid: " + e.getMessage(), e);
    }
  }

  private static void generateFile(
      FileDescriptor file, Comments comments, Map<String, String> sources) {
    for (int i = 0; i < file.getMessageTypes().size(); i++) {
      Source out = begin(file);
      out.line("import dev.casemate.protobuf.ProtoMessage;");
      out.line("import dev.casemate.protobuf.ProtoReader;");
      out.line("import dev.casemate.protobuf.ProtoWriter;");
      out.line("import java.util.*;");
      out.line("");
      new MessageEmitter(out, comments, file.getMessageTypes().get(i), List.of(4, i)).emit();
      put(sources, file, file.getMessageTypes().get(i).getName(), out);
    }
    for (int i = 0; i < file.getEnumTypes().size(); i++) {
      Source out = begin(file);
      MessageEmitter.emitEnum(out, comments, file.getEnumTypes().get(i), List.of(5, i));
      put(sources, file, file.getEnumTypes().get(i).getName(), out);
    }
    for (int i = 0; i < file.getServices().size(); i++) {
      ServiceDescriptor service = file.getServices().get(i);
      String name =
          service.getName().endsWith("Service") ? service.getName() : service.getName() + "Service";
      Source out = begin(file);
      emitService(out, comments, service, name, List.of(6, i));
      put(sources, file, name, out);
    }
  }

  private static void emitService(
      Source out, Comments comments, ServiceDescriptor service, String name, List<Integer> path) {
    out.line(
        "/** "
            + comments.at(
                path, "Names of the service " + service.getFullName() + " and of its methods.")
            + " */");
    out.line("public final class " + name + " {");
    out.line("/** The service's name on the wire. */");
    out.line("public static final String NAME = \"" + service.getFullName() + "\";");
    for (int i = 0; i < service.getMethods().size(); i++) {
      var method = service.getMethods().get(i);
      String types =
          method.getInputType().getName() + " to " + method.getOutputType().getName() + ".";
      out.line("");
      out.line("/** " + comments.at(List.of(path.get(0), path.get(1), 2, i), types) + " */");
      out.line(
          "public static final String "
              + Names.constant(method.getName())
              + " = \""
              + method.getName()
              + "\";");
    }
    out.line("");
    out.line("private " + name + "() {}");
    out.line("}");
  }

  private static Source begin(FileDescriptor file) {
    return new Source()
        .line("// Made from " + file.getName() + " at build time.")
        .line("package " + Types.javaPackage(file) + ";")
        .line("");
  }

  private static void put(
      Map<String, String> sources, FileDescriptor file, String name, Source out) {
    String path = Types.javaPackage(file).replace('.', '/') + "/" + name + ".java";
    if (sources.put(path, out.toString()) != null) {
      throw new IllegalArgumentException(
          "two texts make " + path + "; the second is " + file.getName());
    }
  }
}
