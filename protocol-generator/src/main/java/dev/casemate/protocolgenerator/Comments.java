package dev.casemate.protocolgenerator;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.SourceCodeInfo.Location;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The comments of one text, found by the path of what they are about (descriptor.proto, {@code
 * SourceCodeInfo.Location.path}).
 */
final class Comments {
  private final Map<List<Integer>, String> byPath = new HashMap<>();

  Comments(FileDescriptorProto file) {
    for (Location location : file.getSourceCodeInfo().getLocationList()) {
      String text =
          location.hasLeadingComments()
              ? location.getLeadingComments()
              : location.getTrailingComments();
      if (!text.isBlank()) {
        byPath.put(location.getPathList(), escape(text));
      }
    }
  }

  /** What the text says about it, in one line of Javadoc, or {@code otherwise}. */
  String at(List<Integer> path, String otherwise) {
    return byPath.getOrDefault(path, otherwise);
  }

  private static String escape(String text) {
    return String.join(" ", text.strip().split("\\s+"))
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("@", "&#64;")
        .replace("{", "&#123;")
        .replace("*/", "*&#47;")
        .replace("\\", "&#92;");
  }
}
