package dev.casemate.protobuf;

import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A protobuf message. The records that implement it are generated at build time from the texts in
 * module {@code protocol}.
 *
 * <p>Two messages are equal when they are of one type and their encodings are equal. Byte arrays
 * are not copied: changing such an array changes the message.
 */
public interface ProtoMessage {
  /** The empty byte string, the default of fields that hold bytes. */
  byte[] NO_BYTES = {};

  /** Writes the fields, in the order of their numbers, without a length before them. */
  void write(ProtoWriter writer);

  /** The message in the protobuf wire format. */
  default byte[] encode() {
    ProtoWriter writer = new ProtoWriter();
    write(writer);
    return writer.toByteArray();
  }

  /** Whether two messages of the same type have the same encoding. */
  static boolean sameEncoding(ProtoMessage a, ProtoMessage b) {
    return Arrays.equals(a.encode(), b.encode());
  }

  /** A hash code that goes with {@link #sameEncoding}. */
  static int hash(ProtoMessage message) {
    return Arrays.hashCode(message.encode());
  }

  /** An unmodifiable copy with the keys in order, so that equal maps have equal encodings. */
  static <K extends Comparable<K>, V> Map<K, V> copy(Map<K, V> map) {
    return map.isEmpty() ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(map));
  }
}
