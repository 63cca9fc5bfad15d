package dev.casemate.protocolgenerator;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;

/** Java's types for protobuf's. */
final class Types {
  private Types() {}

  /**
   * The file's {@code java_package}; without one, the last word of its package that is not a
   * version, below the module's own: casemate.v1 is in casemate.
   */
  static String javaPackage(FileDescriptor file) {
    String name = file.getOptions().getJavaPackage();
    if (!name.isEmpty()) {
      return name;
    }
    String[] words = file.getPackage().split("\\.");
    for (int i = words.length - 1; i >= 0; i--) {
      if (!words[i].isEmpty() && !words[i].matches("v[0-9]+")) {
        return "dev.casemate.protocol." + words[i];
      }
    }
    throw new IllegalArgumentException(
        file.getFullName() + " has neither a package nor an option java_package");
  }

  /** The full Java name, so that generated code needs no imports of other messages. */
  static String javaName(Descriptor message) {
    Descriptor outer = message.getContainingType();
    return (outer == null ? javaPackage(message.getFile()) : javaName(outer))
        + "."
        + message.getName();
  }
}
